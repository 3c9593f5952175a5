// A program that calls another of its own section.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp")
__noinline int other(void *ctx)
{
	asm volatile("");
	return 0;
}

SEC("raw_tp")
int use(void *ctx)
{
	return other(ctx);
}

char _license[] SEC("license") = "GPL";
