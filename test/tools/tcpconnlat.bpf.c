// How long a TCP connection takes, from connect() to the peer's answer.
#include "tool.h"

#define AF_INET 2
#define AF_INET6 10

struct start {
	u64 at;
	u32 pid;
	u8 comm[TASK_COMM];
};

struct event {
	u64 nanoseconds;
	u32 pid;
	u16 family;
	u16 source_port;
	u16 port;
	u8 comm[TASK_COMM];
	u8 source[16];
	u8 address[16];
};

const volatile u64 at_least_ns = 0;
const volatile u32 only_pid = 0;

HASH(starts, 4096, u64, struct start);
RING(events, 1 << 16);
u64 failures = 0;

static __always_inline int start(struct sock *sk)
{
	struct start start = { .at = bpf_ktime_get_ns(), .pid = current_pid() };
	u64 key = (u64)sk;

	if (only_pid && start.pid != only_pid)
		return 0;
	bpf_get_current_comm(&start.comm, sizeof(start.comm));
	bpf_map_update_elem(&starts, &key, &start, BPF_ANY);
	return 0;
}

SEC("fentry/tcp_v4_connect")
int BPF_PROG(on_connect4, struct sock *sk)
{
	return start(sk);
}

SEC("fentry/tcp_v6_connect")
int BPF_PROG(on_connect6, struct sock *sk)
{
	return start(sk);
}

SEC("fentry/tcp_rcv_state_process")
int BPF_PROG(on_answer, struct sock *sk)
{
	u64 key = (u64)sk;
	struct start *start;
	struct event *event;
	u64 taken;

	if (sk->__sk_common.skc_state != TCP_SYN_SENT)
		return 0;
	start = bpf_map_lookup_elem(&starts, &key);
	if (!start)
		return 0;
	taken = bpf_ktime_get_ns() - start->at;
	event = taken >= at_least_ns ? bpf_ringbuf_reserve(&events, sizeof(*event), 0) : 0;
	if (event) {
		event->nanoseconds = taken;
		event->pid = start->pid;
		event->family = sk->__sk_common.skc_family;
		event->source_port = sk->__sk_common.skc_num;
		event->port = bpf_ntohs(sk->__sk_common.skc_dport);
		__builtin_memcpy(event->comm, start->comm, sizeof(event->comm));
		__builtin_memset(event->source, 0, sizeof(event->source));
		__builtin_memset(event->address, 0, sizeof(event->address));
		if (event->family == AF_INET) {
			*(u32 *)event->source = sk->__sk_common.skc_rcv_saddr;
			*(u32 *)event->address = sk->__sk_common.skc_daddr;
		} else if (event->family == AF_INET6) {
			BPF_CORE_READ_INTO(&event->source, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
			BPF_CORE_READ_INTO(&event->address, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
		}
		bpf_ringbuf_submit(event, 0);
	}
	bpf_map_delete_elem(&starts, &key);
	return 0;
}

SEC("fexit/tcp_v4_connect")
int BPF_PROG(on_connect4_exit, struct sock *sk, struct sockaddr *address, int length, int result)
{
	u64 key = (u64)sk;

	if (result && !bpf_map_delete_elem(&starts, &key))
		__sync_fetch_and_add(&failures, 1);
	return 0;
}

SEC("fentry/tcp_v4_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	u64 key = (u64)sk;

	bpf_map_delete_elem(&starts, &key);
	return 0;
}
