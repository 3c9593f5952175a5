// Section names of programs for functions and types of the kernel, where it has none such or the name does not say which.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(section, name) \
	SEC(section) int on_##name(unsigned long long *ctx) { return 0; }

PROGRAM("fentry/no_such_function_anywhere", fentry_nowhere)
PROGRAM("tp_btf/no_such_tracepoint", tp_btf_nowhere)
PROGRAM("lsm/no_such_hook", lsm_nowhere)
PROGRAM("iter/no_such_iterator", iter_nowhere)
PROGRAM("tp_btf", tp_btf_bare)
PROGRAM("fentry", fentry_bare)
PROGRAM("fexit", fexit_bare)
PROGRAM("fentry.s", fentry_sleepable_bare)
PROGRAM("fexit.s", fexit_sleepable_bare)
PROGRAM("fmod_ret", fmod_ret_bare)
PROGRAM("fmod_ret.s", fmod_ret_sleepable_bare)
PROGRAM("lsm", lsm_bare)
PROGRAM("lsm.s", lsm_sleepable_bare)
PROGRAM("lsm_cgroup", lsm_cgroup_bare)
PROGRAM("iter", iter_bare)
PROGRAM("iter.s", iter_sleepable_bare)
PROGRAM("freplace", freplace_bare)
PROGRAM("freplace/main", freplace)

char _license[] SEC("license") = "GPL";
