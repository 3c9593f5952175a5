// A map that another object is to define.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} elsewhere SEC(".maps");

SEC("raw_tp")
int use(void *ctx)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&elsewhere, &key) != 0;
}

char _license[] SEC("license") = "GPL";
