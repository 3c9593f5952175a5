// A variable that another object is to define.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int elsewhere;

SEC("raw_tp")
int use(void *ctx)
{
	return elsewhere;
}

char _license[] SEC("license") = "GPL";
