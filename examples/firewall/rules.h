// What both versions of the firewall have in common.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

typedef __u32 u32;
typedef __u64 u64;
typedef __u8 u8;

struct prefix {
	u32 length;
	u8 address[4];
};

/* The rule for the sender of a packet, if there is one: the longest prefix wins. */
static void *rule_of(struct xdp_md *ctx, void *rules)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct prefix key = {.length = 32};

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return 0;
	__builtin_memcpy(key.address, &ip->saddr, sizeof(key.address));
	return bpf_map_lookup_elem(rules, &key);
}
