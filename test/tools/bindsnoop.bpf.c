// Which sockets are bound where, with which options.
#include "tool.h"

#define AF_INET 2

struct event {
	u32 pid;
	int result;
	u32 device;
	u16 port;
	u16 protocol;
	u8 family;
	u8 freebind : 1, transparent : 1, reuse_address : 1, reuse_port : 1;
	u8 comm[TASK_COMM];
	u8 address[16];
};

/* Linux 6.6 moved the bits of struct inet_sock into one word of flags */
struct inet_sock___before_6_6 {
	u8 freebind : 1;
	u8 transparent : 1;
} __attribute__((preserve_access_index));

const volatile u32 only_pid = 0;

RING(events, 1 << 15);

static __always_inline void take_options(struct event *event, struct sock *sk)
{
	struct inet_sock *inet = (struct inet_sock *)sk;
	struct inet_sock___before_6_6 *old = (void *)sk;

	if (bpf_core_field_exists(old->freebind)) {
		event->freebind = BPF_CORE_READ_BITFIELD_PROBED(old, freebind);
		event->transparent = BPF_CORE_READ_BITFIELD_PROBED(old, transparent);
	} else {
		unsigned long flags = BPF_CORE_READ(inet, inet_flags);

		event->freebind = flags >> 11 & 1; /* INET_FLAGS_FREEBIND */
		event->transparent = flags >> 15 & 1;
	}
	event->reuse_address = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuse);
	event->reuse_port = BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_reuseport);
}

static __always_inline int bound(struct socket *socket, int result)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);
	u32 pid = current_pid();
	struct event *event;

	if (only_pid && pid != only_pid)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	event->pid = pid;
	event->result = result;
	event->device = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	event->port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	event->protocol = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_protocol);
	event->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	take_options(event, sk);
	bpf_get_current_comm(&event->comm, sizeof(event->comm));
	if (event->family == AF_INET)
		BPF_CORE_READ_INTO((u32 *)event->address, (struct inet_sock *)sk, inet_saddr);
	else
		BPF_CORE_READ_INTO(&event->address, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("fexit/inet_bind")
int BPF_PROG(on_bind4, struct socket *socket, struct sockaddr *address, int length, int result)
{
	return bound(socket, result);
}

SEC("fexit/inet6_bind")
int BPF_PROG(on_bind6, struct socket *socket, struct sockaddr *address, int length, int result)
{
	return bound(socket, result);
}
