// A firewall for a cgroup: which peers its processes may talk to, what they may bind, how much they send.
/* the contexts are no structures of the kernel: the verifier takes their fields at fixed offsets only */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "tool.h"

#define AF_INET 2
#define ALLOW 1
#define DENY 0

enum hook { INGRESS, EGRESS, CONNECT4, CONNECT6, SENDMSG4, BIND4, SOCKET, HOOKS };

struct network {
	u32 prefix;
	u32 address;
};

struct policy {
	u16 first_port;
	u16 last_port;
	u32 verdict;
};

struct denied {
	u64 at;
	u32 pid;
	u32 address;
	u16 port;
	u16 hook;
	u8 comm[TASK_COMM];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct network);
	__type(value, struct policy);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} sent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, u64);
} bytes SEC(".maps");

RING(denials, 1 << 14);

const volatile u32 by_default = ALLOW;
u64 seen[HOOKS][2] = {};

static __always_inline int verdict(enum hook hook, int verdict, u32 address, u16 port)
{
	struct denied *denied;

	__sync_fetch_and_add(&seen[hook][verdict & 1], 1);
	if (verdict)
		return ALLOW;
	denied = bpf_ringbuf_reserve(&denials, sizeof(*denied), 0);
	if (!denied)
		return DENY;
	denied->at = bpf_ktime_get_ns();
	denied->pid = 0;
	denied->address = address;
	denied->port = port;
	denied->hook = hook;
	__builtin_memset(denied->comm, 0, sizeof(denied->comm));
	if (hook >= CONNECT4) {
		denied->pid = current_pid();
		bpf_get_current_comm(&denied->comm, sizeof(denied->comm));
	}
	bpf_ringbuf_submit(denied, 0);
	return DENY;
}

static __always_inline int ask(u32 address, u16 port)
{
	struct network network = { .prefix = 32, .address = address };
	struct policy *policy = bpf_map_lookup_elem(&policies, &network);

	if (policy && port >= policy->first_port && port <= policy->last_port)
		return policy->verdict & 1;
	return by_default & 1;
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx)
{
	u16 port = bpf_ntohs(ctx->user_port);

	return verdict(CONNECT4, ask(ctx->user_ip4, port), ctx->user_ip4, port);
}

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx)
{
	return verdict(CONNECT6, by_default & 1, ctx->user_ip6[3], bpf_ntohs(ctx->user_port));
}

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx)
{
	u16 port = bpf_ntohs(ctx->user_port);

	return verdict(SENDMSG4, ask(ctx->user_ip4, port), ctx->user_ip4, port);
}

SEC("cgroup/bind4")
int on_bind4(struct bpf_sock_addr *ctx)
{
	u16 port = bpf_ntohs(ctx->user_port);

	/* privileged ports are for nobody here */
	return verdict(BIND4, !port || port >= 1024, ctx->user_ip4, port);
}

SEC("cgroup/sock_create")
int on_socket(struct bpf_sock *ctx)
{
	return verdict(SOCKET, ctx->family != 17 /* AF_PACKET */, 0, ctx->family);
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	u64 *of_group = bpf_get_local_storage(&bytes, 0), *of_socket;

	sk = sk ? bpf_sk_fullsock(sk) : 0;
	__sync_fetch_and_add(of_group, skb->len);
	if (sk) {
		of_socket = bpf_sk_storage_get(&sent, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (of_socket)
			__sync_fetch_and_add(of_socket, skb->len);
	}
	return verdict(EGRESS, ALLOW, skb->remote_ip4, bpf_ntohl(skb->remote_port));
}

SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
	return verdict(INGRESS, ALLOW, skb->remote_ip4, bpf_ntohl(skb->remote_port));
}
