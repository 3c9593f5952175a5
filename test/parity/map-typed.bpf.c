// Maps whose keys and values are given as types, where most give sizes: the kernel keeps the types of some.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAP_OF_TYPES(name, kind, of_key, of_value) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, 4); \
		__type(key, of_key); \
		__type(value, of_value); \
	} name SEC(".maps")

MAP_OF_TYPES(programs, PROG_ARRAY, __u32, __u32);
MAP_OF_TYPES(reuseport, REUSEPORT_SOCKARRAY, __u32, __u64);
MAP_OF_TYPES(devices, DEVMAP, __u32, __u32);
MAP_OF_TYPES(cpus, CPUMAP, __u32, __u32);
MAP_OF_TYPES(sockets, SOCKMAP, __u32, __u64);
MAP_OF_TYPES(events, PERF_EVENT_ARRAY, __u32, __u32);
MAP_OF_TYPES(cgroups, CGROUP_ARRAY, __u32, __u32);

SEC("xdp")
int jump(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &programs, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
