// Drops IPv4 packets by the prefix of who sends them, and counts them.
#include "rules.h"

struct rule {
	u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, struct rule);
} rules SEC(".maps");

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	struct rule *rule = rule_of(ctx, &rules);

	if (!rule)
		return XDP_PASS;
	__sync_fetch_and_add(&rule->packets, 1);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
