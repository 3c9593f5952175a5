// Shapes what leaves an interface to a rate for each class of traffic, by the time when each packet may go (EDT).
/* the contexts are no structures of the kernel: the verifier takes their fields at fixed offsets only */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "tool.h"

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define SECOND 1000000000ull
#define ETH_P_IP 0x0800

struct traffic_class {
	u64 bytes_per_second;
	u64 next;
	u64 packets;
	u64 delayed;
	u64 dropped;
	u64 marked;
};

const volatile u64 horizon = 2 * SECOND;
const volatile u64 mark_after = SECOND / 100;

/* by the mark that firewalls and sockets put on packets, and 0 for the rest */
HASH(classes, 256, u32, struct traffic_class);

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u32);
} groups SEC(".maps");

static __always_inline u32 class_of(struct __sk_buff *skb)
{
	return skb->mark ? skb->mark : skb->priority;
}

SEC("tcx/egress")
int shape(struct __sk_buff *skb)
{
	u32 key = class_of(skb);
	struct traffic_class *class = bpf_map_lookup_elem(&classes, &key);
	u64 now = bpf_ktime_get_ns(), at, cost;

	if (!class) {
		key = 0;
		class = bpf_map_lookup_elem(&classes, &key);
	}
	if (!class || !class->bytes_per_second)
		return TC_ACT_OK;
	__sync_fetch_and_add(&class->packets, 1);
	at = skb->tstamp > now ? skb->tstamp : now;
	cost = (u64)skb->wire_len * SECOND / class->bytes_per_second;
	if (class->next <= at) {
		class->next = at + cost;
		return TC_ACT_OK;
	}
	if (class->next - now >= horizon) {
		__sync_fetch_and_add(&class->dropped, 1);
		return TC_ACT_SHOT;
	}
	if (class->next - now >= mark_after && bpf_skb_ecn_set_ce(skb))
		__sync_fetch_and_add(&class->marked, 1);
	skb->tstamp = class->next;
	__sync_fetch_and_add(&class->next, cost);
	__sync_fetch_and_add(&class->delayed, 1);
	return TC_ACT_OK;
}
