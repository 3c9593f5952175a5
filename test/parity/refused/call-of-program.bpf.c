// A program that calls another program, whose section it is not in.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp")
__noinline int other(void *ctx)
{
	asm volatile("");
	return 0;
}

SEC("raw_tp/sys_enter")
int use(void *ctx)
{
	return other(ctx);
}

char _license[] SEC("license") = "GPL";
