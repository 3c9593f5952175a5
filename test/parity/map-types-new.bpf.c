// Types of maps that are newer than Linux 6.1.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* include/uapi/linux/bpf.h, of which Debian's is older */
#define CGRP_STORAGE 32

struct {
	__uint(type, CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, long);
} of_cgroups SEC(".maps");

SEC("socket")
int nothing(struct __sk_buff *ctx)
{
	return 0;
}
