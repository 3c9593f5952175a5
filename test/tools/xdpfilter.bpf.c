// Drops packets by source network and port, counts what comes by protocol, and limits ICMP.
/* the contexts are no structures of the kernel: the verifier takes their fields at fixed offsets only */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "tool.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8

struct network4 {
	u32 prefix;
	u32 address;
};

struct network6 {
	u32 prefix;
	u8 address[16];
};

struct rule {
	u64 packets;
	u32 action;
	u32 number;
};

struct tally {
	u64 packets;
	u64 bytes;
};

struct icmp_budget {
	struct bpf_spin_lock lock;
	u64 tokens;
	u64 filled;
};

#define LPM(name, network)                                                                          \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);                                               \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__uint(max_entries, 65536);                                                        \
		__type(key, struct network);                                                       \
		__type(value, struct rule);                                                        \
	} name SEC(".maps")

LPM(rules4, network4);
LPM(rules6, network6);
HASH(ports, 1024, u16, struct rule);
HASH(buckets, 1024, u32, struct icmp_budget);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, struct tally);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5);
	__type(key, u32);
	__type(value, struct tally);
} actions SEC(".maps");

const volatile u64 icmp_per_second = 0;
u64 malformed = 0;

struct cursor {
	void *at;
	void *end;
};

#define TAKE(cursor, type)                                                                          \
	({                                                                                         \
		type *header = (cursor)->at;                                                       \
		(cursor)->at = header + 1;                                                         \
		(cursor)->at > (cursor)->end ? (type *)0 : header;                                 \
	})

static __always_inline bool exceeds(u32 source)
{
	struct icmp_budget zero = {}, *bucket = found_or_new(&buckets, &source, &zero);
	u64 now = bpf_ktime_get_ns(), added;
	bool is_over = false;

	if (!bucket)
		return false;
	bpf_spin_lock(&bucket->lock);
	added = (now - bucket->filled) * icmp_per_second / 1000000000;
	if (added) {
		bucket->tokens += added;
		if (bucket->tokens > icmp_per_second)
			bucket->tokens = icmp_per_second;
		bucket->filled = now;
	}
	if (bucket->tokens)
		bucket->tokens--;
	else
		is_over = true;
	bpf_spin_unlock(&bucket->lock);
	return is_over;
}

static __always_inline int judge_port(struct cursor *cursor, u8 protocol)
{
	struct udphdr *header;
	struct rule *rule;
	u16 port;

	if (protocol != 6 && protocol != 17)
		return XDP_PASS;
	header = TAKE(cursor, struct udphdr); /* TCP has its ports in the same place */
	if (!header)
		return XDP_PASS;
	port = bpf_ntohs(header->dest);
	rule = bpf_map_lookup_elem(&ports, &port);
	if (!rule)
		return XDP_PASS;
	__sync_fetch_and_add(&rule->packets, 1);
	return rule->action;
}

static __always_inline int judge4(struct cursor *cursor, u8 *protocol)
{
	struct iphdr *header = TAKE(cursor, struct iphdr);
	struct network4 source = { .prefix = 32 };
	struct rule *rule;

	if (!header)
		return XDP_ABORTED;
	*protocol = header->protocol;
	source.address = header->saddr;
	rule = bpf_map_lookup_elem(&rules4, &source);
	if (rule) {
		__sync_fetch_and_add(&rule->packets, 1);
		return rule->action;
	}
	if (header->protocol == 1 && icmp_per_second && exceeds(header->saddr))
		return XDP_DROP;
	return header->ihl == 5 ? judge_port(cursor, header->protocol) : XDP_PASS;
}

static __always_inline int judge6(struct cursor *cursor, u8 *protocol)
{
	struct ipv6hdr *header = TAKE(cursor, struct ipv6hdr);
	struct network6 source = { .prefix = 128 };
	struct rule *rule;

	if (!header)
		return XDP_ABORTED;
	*protocol = header->nexthdr;
	__builtin_memcpy(source.address, &header->saddr, sizeof(source.address));
	rule = bpf_map_lookup_elem(&rules6, &source);
	if (rule) {
		__sync_fetch_and_add(&rule->packets, 1);
		return rule->action;
	}
	return judge_port(cursor, header->nexthdr);
}

static __always_inline void count(void *map, u32 key, u64 bytes)
{
	struct tally *tally = bpf_map_lookup_elem(map, &key);

	if (!tally)
		return;
	tally->packets++;
	tally->bytes += bytes;
}

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	struct cursor cursor = { .at = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end };
	u64 size = ctx->data_end - ctx->data;
	struct ethhdr *frame = TAKE(&cursor, struct ethhdr);
	int action = XDP_PASS;
	u8 protocol = 0;
	u16 kind;

	if (!frame)
		return XDP_ABORTED;
	kind = frame->h_proto;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		struct vlan_hdr *tag;

		if (kind != bpf_htons(ETH_P_8021Q) && kind != bpf_htons(ETH_P_8021AD))
			break;
		tag = TAKE(&cursor, struct vlan_hdr);
		if (!tag)
			return XDP_ABORTED;
		kind = tag->h_vlan_encapsulated_proto;
	}
	if (kind == bpf_htons(ETH_P_IP))
		action = judge4(&cursor, &protocol);
	else if (kind == bpf_htons(ETH_P_IPV6))
		action = judge6(&cursor, &protocol);
	if (action == XDP_ABORTED)
		__sync_fetch_and_add(&malformed, 1);
	count(&protocols, protocol, size);
	count(&actions, action, size);
	return action;
}
