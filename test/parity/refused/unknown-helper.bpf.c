// A call of a helper that no kernel has, and of one that this type of program may not call.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static int (*no_such_helper)(void) = (void *)100000;

SEC("raw_tp")
int unknown(void *ctx)
{
	return no_such_helper();
}

SEC("raw_tp")
int forbidden(void *ctx)
{
	return bpf_redirect(1, 0);
}

SEC("raw_tp")
int fine(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
