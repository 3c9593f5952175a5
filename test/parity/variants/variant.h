// One object that is compiled in many ways: the sources beside this file are flags, and this.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct value {
	__u64 count;
	__s32 low, high;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct value);
} values SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

int limit = 7;
int step = 3;
__u64 seen;
const volatile int rate = 2;
const volatile char label[] = "variant";

static __attribute__((noinline)) int within(struct value *value)
{
	return value->low * rate > -limit && (__u32)value->high / step < limit;
}

__attribute__((noinline)) int scaled(int n)
{
	seen += n;
	return n * limit + label[n & 3];
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	__u32 key = ctx->ingress_ifindex;
	struct value *value = bpf_map_lookup_elem(&values, &key);

	if (!value)
		return XDP_PASS;
	__sync_fetch_and_add(&value->count, 1);
	switch (value->high & 7) {
	case 0: return within(value);
	case 1: return scaled(value->low);
	case 2: return XDP_TX;
	case 3: return scaled(3) & 3;
	default: return XDP_PASS;
	}
}

SEC("raw_tp/sys_enter")
int total(void *ctx)
{
	__u32 key = 0;
	__u64 *all = bpf_map_lookup_elem(&totals, &key);

	if (all)
		*all += scaled(step);
	return 0;
}

char _license[] SEC("license") = "GPL";
