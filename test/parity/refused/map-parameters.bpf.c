// A map that the kernel refuses: an array without entries.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
} no_entries SEC(".maps");

SEC("raw_tp")
int use(void *ctx)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&no_entries, &key) != 0;
}

char _license[] SEC("license") = "GPL";
