// Section names that are nearly in the table: each is either refused or taken by both.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(section, name) \
	SEC(section) int on_##name(void *ctx) { return 1; }

PROGRAM("xdp_filter", xdp_filter)
PROGRAM("xdp/filter", xdp_slash)
PROGRAM("xdp/", xdp_empty)
PROGRAM("XDP", upper_case)
PROGRAM("socket1", socket1)
PROGRAM("socket/filter", socket_slash)
PROGRAM("kprobefoo", kprobefoo)
PROGRAM("kprobe/", kprobe_empty)
PROGRAM("tp/", tp_empty)
PROGRAM("tp/sched", tp_half)
PROGRAM("tracepointsched", tracepointsched)
PROGRAM("cgroup/nothing", cgroup_nothing)
PROGRAM("cgroup_skb", cgroup_skb)
PROGRAM("cgroup_skb/both", cgroup_skb_both)
PROGRAM("cgroup/connect4/extra", connect4_extra)
PROGRAM("tc/other", tc_other)
PROGRAM("tcx", tcx)
PROGRAM("netkit", netkit)
PROGRAM("sk_skb/other", sk_skb_other)
PROGRAM("sockops/extra", sockops_extra)
PROGRAM("perf_event/extra", perf_event_extra)
PROGRAM("syscall/extra", syscall_extra)
PROGRAM("iter.x/task", iter_x)
PROGRAM("uprobe.x", uprobe_x)
PROGRAM("action/extra", action_extra)
PROGRAM("dev", dev)
PROGRAM("nothing at all", spaces)

char _license[] SEC("license") = "GPL";
