// TCP connections when they end: who had them, how long, how much went each way, how often the state changed.
#include "tool.h"

#define AF_INET 2
#define AF_INET6 10

struct birth {
	u64 at;
	u32 pid;
	u32 changes;
	u8 comm[TASK_COMM];
};

struct event {
	u64 nanoseconds;
	u64 received;
	u64 acknowledged;
	u32 pid;
	u32 changes;
	u32 retransmitted;
	u16 family;
	u16 source_port;
	u16 port;
	u8 comm[TASK_COMM];
	u8 address[16];
};

const volatile u16 only_port = 0;

HASH(births, 10240, u64, struct birth);
RING(events, 1 << 16);
/* [old state][new state] */
u64 transitions[16][16] = {};

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, const struct sock *sk, int old_state, int new_state)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)sk;
	u64 key = (u64)sk;
	struct birth *birth, first = {};
	struct event *event;

	if (BPF_CORE_READ(sk, sk_protocol) != 6 /* IPPROTO_TCP */)
		return 0;
	if (only_port && only_port != BPF_CORE_READ(sk, __sk_common.skc_num) &&
	    only_port != bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)))
		return 0;
	__sync_fetch_and_add(&transitions[old_state & 15][new_state & 15], 1);
	birth = bpf_map_lookup_elem(&births, &key);
	if (!birth) {
		first.at = bpf_ktime_get_ns();
		first.pid = current_pid();
		bpf_get_current_comm(&first.comm, sizeof(first.comm));
		bpf_map_update_elem(&births, &key, &first, BPF_ANY);
		birth = bpf_map_lookup_elem(&births, &key);
		if (!birth)
			return 0;
	}
	__sync_fetch_and_add(&birth->changes, 1);
	if (new_state != TCP_CLOSE)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		__builtin_memset(event, 0, sizeof(*event));
		event->nanoseconds = bpf_ktime_get_ns() - birth->at;
		event->pid = birth->pid;
		event->changes = birth->changes;
		event->received = BPF_CORE_READ(tcp, bytes_received);
		event->acknowledged = BPF_CORE_READ(tcp, bytes_acked);
		event->retransmitted = BPF_CORE_READ(tcp, total_retrans);
		event->family = BPF_CORE_READ(sk, __sk_common.skc_family);
		/* skc_num is 0 already */
		event->source_port = bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
		event->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
		__builtin_memcpy(event->comm, birth->comm, sizeof(event->comm));
		if (event->family == AF_INET)
			BPF_CORE_READ_INTO((u32 *)event->address, sk, __sk_common.skc_daddr);
		else if (event->family == AF_INET6)
			BPF_CORE_READ_INTO(&event->address, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
		bpf_ringbuf_submit(event, 0);
	}
	bpf_map_delete_elem(&births, &key);
	return 0;
}
