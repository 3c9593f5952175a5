// The next version: it also counts bytes, so that its rules are longer.
#include "rules.h"

struct rule {
	u64 packets;
	u64 bytes;
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
	__sync_fetch_and_add(&rule->bytes, ctx->data_end - ctx->data);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
