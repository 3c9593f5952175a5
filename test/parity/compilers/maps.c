// What gcc 12 and its assembler get right: no function that is called by its name, no variable behind another.
#include "helpers.h"

struct value {
	__u64 count, sum;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct value);
} first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct value);
} second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} third SEC(".maps");

int limit = 7;
__u64 seen;

static __noinline int add(struct value *value, int n)
{
	value->sum += n;
	return value->sum > limit;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct value *value = bpf_map_lookup_elem(&first, &key);

	seen++;
	if (!value)
		return XDP_PASS;
	value->count++;
	return add(value, ctx->ingress_ifindex) ? XDP_DROP : XDP_PASS;
}

SEC("raw_tp/sys_enter")
int count_calls(void *ctx)
{
	struct value *value;
	__u32 key = 2;

	value = bpf_map_lookup_elem(&second, &key);
	if (value)
		value->count++;
	return 0;
}

char _license[] SEC("license") = "GPL";
