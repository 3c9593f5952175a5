// Section names that libbpf learnt after 1.5. Most are for kernels after 6.18, which refuse the programs in their stead.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(section, name) \
	SEC(section) int on_##name(unsigned long long *ctx) { return 0; }

PROGRAM("uprobe.session", uprobe_session)
PROGRAM("uprobe.session//proc/self/exe:main", uprobe_session_at)
PROGRAM("uprobe.session.s", uprobe_session_sleepable)
PROGRAM("tracepoint.s/sched/sched_switch", tracepoint_sleepable)
PROGRAM("tp.s/sched/sched_switch", tp_sleepable)
PROGRAM("raw_tracepoint.s/sched_switch", raw_tracepoint_sleepable)
PROGRAM("raw_tp.s/sched_switch", raw_tp_sleepable)
PROGRAM("tp_btf.s/sched_switch", tp_btf_sleepable)
PROGRAM("fsession/do_nanosleep", fsession)
PROGRAM("fsession.s/do_nanosleep", fsession_sleepable)
PROGRAM("fentry.multi/do_nano*", fentry_multi)
PROGRAM("fentry.multi.s/do_nano*", fentry_multi_sleepable)
PROGRAM("fexit.multi/do_nano*", fexit_multi)
PROGRAM("fexit.multi.s/do_nano*", fexit_multi_sleepable)
PROGRAM("fsession.multi/do_nano*", fsession_multi)
PROGRAM("fsession.multi.s/do_nano*", fsession_multi_sleepable)
PROGRAM("struct_ops.s", struct_ops_sleepable)

char _license[] SEC("license") = "GPL";
