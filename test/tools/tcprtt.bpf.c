// Smoothed round-trip times of TCP connections, as histograms by the peer's address.
#include "tool.h"

#define AF_INET 2

enum by { ALL, ADDRESS, PORT };

struct group_key {
	u8 address[16];
	u16 port;
	u16 family;
};

struct histogram {
	u64 total;
	u64 count;
	u32 slots[SLOTS];
};

const volatile enum by by = ADDRESS;
const volatile u16 only_port = 0;
const volatile bool in_milliseconds = false;

static const struct histogram zero;

HASH(histograms, 4096, struct group_key, struct histogram);

SEC("fentry/tcp_rcv_established")
int BPF_PROG(on_segment, struct sock *sk)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	u16 port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	struct histogram *histogram;
	struct group_key key = {};
	u64 time;

	if (only_port && port != only_port && only_port != BPF_CORE_READ(sk, __sk_common.skc_num))
		return 0;
	key.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (by == ADDRESS && key.family == AF_INET)
		BPF_CORE_READ_INTO((u32 *)key.address, sk, __sk_common.skc_daddr);
	else if (by == ADDRESS)
		BPF_CORE_READ_INTO(&key.address, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	else if (by == PORT)
		key.port = port;
	histogram = found_or_new(&histograms, &key, &zero);
	if (!histogram)
		return 0;
	/* kept eightfold: include/linux/tcp.h */
	time = BPF_CORE_READ(tcp, srtt_us) >> 3;
	if (in_milliseconds)
		time /= 1000;
	__sync_fetch_and_add(&histogram->slots[log2_of(time)], 1);
	__sync_fetch_and_add(&histogram->total, time);
	__sync_fetch_and_add(&histogram->count, 1);
	return 0;
}
