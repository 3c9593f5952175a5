// A map, variables, and functions that no program calls.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} only SEC(".maps");

int variable = 1;

__noinline int nobody_calls(int n)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&only, &key) ? variable : n;
}
