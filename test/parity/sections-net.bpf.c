// Every section name of programs for packets and sockets, bare and with what may follow.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(section, name, context, result) \
	SEC(section) int on_##name(context *ctx) { return result; }

PROGRAM("socket", filter, struct __sk_buff, 0)
PROGRAM("sk_reuseport", select_socket, struct sk_reuseport_md, SK_PASS)
PROGRAM("sk_reuseport/migrate", migrate_socket, struct sk_reuseport_md, SK_PASS)
PROGRAM("tc", tc, struct __sk_buff, 0)
PROGRAM("classifier", classifier, struct __sk_buff, 0)
PROGRAM("tc/ingress", tc_ingress, struct __sk_buff, 0)
PROGRAM("tc/egress", tc_egress, struct __sk_buff, 0)
PROGRAM("tcx/ingress", tcx_ingress, struct __sk_buff, 0)
PROGRAM("tcx/egress", tcx_egress, struct __sk_buff, 0)
PROGRAM("netkit/primary", netkit_primary, struct __sk_buff, 0)
PROGRAM("netkit/peer", netkit_peer, struct __sk_buff, 0)
PROGRAM("action", action, struct __sk_buff, 0)
PROGRAM("xdp", xdp, struct xdp_md, XDP_PASS)
PROGRAM("xdp/devmap", xdp_devmap, struct xdp_md, XDP_PASS)
PROGRAM("xdp/cpumap", xdp_cpumap, struct xdp_md, XDP_PASS)
PROGRAM("xdp.frags", xdp_frags, struct xdp_md, XDP_PASS)
PROGRAM("xdp.frags/devmap", xdp_frags_devmap, struct xdp_md, XDP_PASS)
PROGRAM("xdp.frags/cpumap", xdp_frags_cpumap, struct xdp_md, XDP_PASS)
PROGRAM("lwt_in", lwt_in, struct __sk_buff, 0)
PROGRAM("lwt_out", lwt_out, struct __sk_buff, 0)
PROGRAM("lwt_xmit", lwt_xmit, struct __sk_buff, 0)
PROGRAM("lwt_seg6local", lwt_seg6local, struct __sk_buff, 0)
PROGRAM("sockops", sockops, struct bpf_sock_ops, 1)
PROGRAM("sk_skb", sk_skb, struct __sk_buff, SK_PASS)
PROGRAM("sk_skb/stream_parser", stream_parser, struct __sk_buff, 1)
PROGRAM("sk_skb/stream_verdict", stream_verdict, struct __sk_buff, SK_PASS)
PROGRAM("sk_skb/verdict", verdict, struct __sk_buff, SK_PASS)
PROGRAM("sk_msg", sk_msg, struct sk_msg_md, SK_PASS)
PROGRAM("lirc_mode2", lirc, unsigned int, 0)
PROGRAM("flow_dissector", dissect, struct __sk_buff, 0)
PROGRAM("sk_lookup", sk_lookup, struct bpf_sk_lookup, SK_PASS)
PROGRAM("netfilter", netfilter, void, 1)
PROGRAM("?xdp", not_loaded, struct xdp_md, XDP_PASS)

char _license[] SEC("license") = "GPL";
