// A variable of an arena, and no arena.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int __attribute__((address_space(1))) start = 41;

SEC("syscall")
int use(void *ctx)
{
	return start;
}

char _license[] SEC("license") = "GPL";
