// A struct_ops of a type that no kernel has.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct no_such_ops {
	int (*act)(void);
};

SEC("struct_ops/act")
int act(void *ctx)
{
	return 0;
}

SEC(".struct_ops")
struct no_such_ops ops = {
	.act = (void *)act,
};

char _license[] SEC("license") = "GPL";
