// What the verifier refuses, one of them in a function that programs share.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __noinline int shared(int *p)
{
	return *p;
}

SEC("raw_tp")
int null_pointer(void *ctx)
{
	return shared((int *)0);
}

SEC("raw_tp")
int endless(void *ctx)
{
	for (;;)
		asm volatile("");
	return 0;
}

SEC("raw_tp")
int uninitialised(void *ctx)
{
	int result;

	asm volatile("%0 = r7" : "=r"(result));
	return result;
}

SEC("xdp")
int beyond_packet(struct xdp_md *ctx)
{
	return *(char *)(long)ctx->data;
}

SEC("xdp")
int fine(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
