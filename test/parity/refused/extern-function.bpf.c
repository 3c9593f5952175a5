// A function that another object is to define.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int elsewhere(int n);

SEC("raw_tp")
int use(void *ctx)
{
	return elsewhere(1);
}

char _license[] SEC("license") = "GPL";
