// Every section name of programs that are for a function or type of the kernel that its BTF describes.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(section, name) \
	SEC(section) int on_##name(unsigned long long *ctx) { return 0; }

PROGRAM("tp_btf/sched_switch", tp_btf)
PROGRAM("fentry/do_nanosleep", fentry)
PROGRAM("fexit/do_nanosleep", fexit)
PROGRAM("fentry.s/__x64_sys_nanosleep", fentry_sleepable)
PROGRAM("fexit.s/__x64_sys_nanosleep", fexit_sleepable)
PROGRAM("fmod_ret/security_file_open", fmod_ret)
PROGRAM("fmod_ret.s/bpf_fentry_test1", fmod_ret_sleepable)
PROGRAM("lsm/file_open", lsm)
PROGRAM("lsm.s/file_open", lsm_sleepable)
PROGRAM("iter/bpf_map", iter_bpf_map)
PROGRAM("iter/bpf_map_elem", iter_bpf_map_elem)
PROGRAM("iter/bpf_prog", iter_bpf_prog)
PROGRAM("iter/bpf_link", iter_bpf_link)
PROGRAM("iter/bpf_sk_storage_map", iter_bpf_sk_storage_map)
PROGRAM("iter/sockmap", iter_sockmap)
PROGRAM("iter/task", iter_task)
PROGRAM("iter.s/task", iter_task_sleepable)
PROGRAM("iter/task_file", iter_task_file)
PROGRAM("iter/task_vma", iter_task_vma)
PROGRAM("iter/cgroup", iter_cgroup)
PROGRAM("iter.s/cgroup", iter_cgroup_sleepable)
PROGRAM("iter/ksym", iter_ksym)
PROGRAM("iter/tcp", iter_tcp)
PROGRAM("iter/udp", iter_udp)
PROGRAM("iter/unix", iter_unix)
PROGRAM("iter/netlink", iter_netlink)
PROGRAM("iter/ipv6_route", iter_ipv6_route)
PROGRAM("iter/kmem_cache", iter_kmem_cache)
PROGRAM("iter/dmabuf", iter_dmabuf)

char _license[] SEC("license") = "GPL";
