// Hands what one socket of this host sends to another over to it directly, past TCP.
/* the contexts are no structures of the kernel: the verifier takes their fields at fixed offsets only */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "tool.h"

#define AF_INET 2

struct connection {
	u32 local;
	u32 remote;
	u32 local_port;
	u32 remote_port;
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 65536);
	__type(key, struct connection);
	__type(value, u64);
} sockets SEC(".maps");

const volatile u32 only_port = 0;
u64 established[2] = {}, redirected = 0, passed = 0, bytes = 0, closed = 0;

SEC("sockops")
int on_event(struct bpf_sock_ops *ctx)
{
	struct connection connection = {
		.local = ctx->local_ip4,
		.remote = ctx->remote_ip4,
		.local_port = ctx->local_port,
		.remote_port = bpf_ntohl(ctx->remote_port),
	};

	if (ctx->family != AF_INET)
		return 0;
	if (only_port && connection.local_port != only_port && connection.remote_port != only_port)
		return 0;
	switch (ctx->op) {
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		__sync_fetch_and_add(&established[ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB], 1);
		bpf_sock_hash_update(ctx, &sockets, &connection, BPF_ANY);
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[1] == BPF_TCP_CLOSE)
			__sync_fetch_and_add(&closed, 1);
		break;
	}
	return 0;
}

SEC("sk_msg")
int on_message(struct sk_msg_md *msg)
{
	struct connection other = {
		.local = msg->remote_ip4,
		.remote = msg->local_ip4,
		.local_port = bpf_ntohl(msg->remote_port),
		.remote_port = msg->local_port,
	};

	if (msg->family != AF_INET || bpf_msg_redirect_hash(msg, &sockets, &other, BPF_F_INGRESS) != SK_PASS) {
		__sync_fetch_and_add(&passed, 1);
		return SK_PASS;
	}
	__sync_fetch_and_add(&redirected, 1);
	__sync_fetch_and_add(&bytes, msg->size);
	return SK_PASS;
}
