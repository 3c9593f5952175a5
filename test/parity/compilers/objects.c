// What objects mostly are: maps, variables in all sections, functions that programs share, strings.
#include "helpers.h"

struct flow {
	__u32 source, target;
	__u16 ports[2];
	__u8 protocol;
};

struct stats {
	__u64 packets, bytes;
	struct {
		__u32 first : 12;
		__u32 last : 20;
	};
	enum { NEW, OPEN, CLOSED } state;
	_Bool seen;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow);
	__type(value, struct stats);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

int threshold = 100;
volatile __u64 packets;
const volatile int sample_rate = 4;
static volatile int local_count;
static volatile int local_limit = 9;
const char name[8] = "flows";

static __noinline int allowed(struct flow *flow)
{
	local_count++;
	return flow->protocol != 17 && local_count < local_limit + threshold;
}

__noinline int limited(int n)
{
	return n > threshold ? threshold : n;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct flow flow = { .source = 1, .target = 2, .protocol = 6 };
	struct stats *stats, fresh = { .packets = 1, .state = OPEN };
	__u32 index = 1;
	__u64 *counter;

	packets++;
	counter = bpf_map_lookup_elem(&counts, &index);
	if (counter)
		*counter += sample_rate;
	if (!allowed(&flow))
		return XDP_DROP;
	stats = bpf_map_lookup_elem(&flows, &flow);
	if (!stats) {
		bpf_map_update_elem(&flows, &flow, &fresh, 0);
		return XDP_PASS;
	}
	stats->packets++;
	stats->last = limited(stats->first);
	stats->seen = 1;
	return XDP_PASS;
}

SEC("raw_tp/sys_enter")
int count_calls(void *ctx)
{
	__u32 index = 2;
	__u64 *counter = bpf_map_lookup_elem(&counts, &index);

	if (counter)
		__sync_fetch_and_add(counter, limited(name[0]));
	return 0;
}

char _license[] SEC("license") = "GPL";
