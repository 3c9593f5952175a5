// A map of each type that Linux 6.1 has, as plain as it may be, and some flags.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct value {
	__u64 count;
};

#define MAP(name, map_type, entries, key_type, value_type) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##map_type); \
		__uint(max_entries, entries); \
		__type(key, key_type); \
		__type(value, value_type); \
	} name SEC(".maps")

#define MAP_WITH_FLAGS(name, map_type, entries, key_type, value_type, flags) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##map_type); \
		__uint(max_entries, entries); \
		__uint(map_flags, flags); \
		__type(key, key_type); \
		__type(value, value_type); \
	} name SEC(".maps")

#define MAP_OF_SIZES(name, map_type, entries, key_bytes, value_bytes) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##map_type); \
		__uint(max_entries, entries); \
		__uint(key_size, key_bytes); \
		__uint(value_size, value_bytes); \
	} name SEC(".maps")

#define BUFFER(name, map_type, bytes) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##map_type); \
		__uint(max_entries, bytes); \
	} name SEC(".maps")

#define LOCAL_STORAGE(name, map_type) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##map_type); \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__type(key, int); \
		__type(value, struct value); \
	} name SEC(".maps")

struct key {
	__u32 prefix_length;
	__u8 address[4];
};

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
};

MAP(hash, HASH, 3, __u64, struct value);
MAP_WITH_FLAGS(hash_lazy, HASH, 3, __u64, struct value, BPF_F_NO_PREALLOC);
MAP_WITH_FLAGS(hash_for_readers, HASH, 3, __u64, struct value, BPF_F_RDONLY);
MAP_WITH_FLAGS(hash_for_writers, HASH, 3, __u64, struct value, BPF_F_WRONLY);
MAP_WITH_FLAGS(hash_read_by_programs, HASH, 3, __u64, struct value, BPF_F_RDONLY_PROG);
MAP_WITH_FLAGS(hash_zero_seed, HASH, 3, __u64, struct value, BPF_F_ZERO_SEED);
MAP(array, ARRAY, 3, __u32, struct value);
MAP_WITH_FLAGS(array_mapped, ARRAY, 3, __u32, struct value, BPF_F_MMAPABLE);
MAP_WITH_FLAGS(array_inner, ARRAY, 3, __u32, struct value, BPF_F_INNER_MAP);
MAP(percpu_hash, PERCPU_HASH, 3, __u64, struct value);
MAP(percpu_array, PERCPU_ARRAY, 3, __u32, struct value);
MAP(lru_hash, LRU_HASH, 64, __u64, struct value);
MAP_WITH_FLAGS(lru_hash_per_cpu, LRU_HASH, 64, __u64, struct value, BPF_F_NO_COMMON_LRU);
MAP(lru_percpu_hash, LRU_PERCPU_HASH, 64, __u64, struct value);
MAP_WITH_FLAGS(trie, LPM_TRIE, 8, struct key, struct value, BPF_F_NO_PREALLOC);
MAP_OF_SIZES(perf_events, PERF_EVENT_ARRAY, 0, 4, 4);
MAP_OF_SIZES(perf_events_two, PERF_EVENT_ARRAY, 2, 4, 4);
MAP_OF_SIZES(programs, PROG_ARRAY, 4, 4, 4);
MAP_OF_SIZES(stacks, STACK_TRACE, 16, 4, 127 * 8);
MAP_OF_SIZES(cgroups, CGROUP_ARRAY, 2, 4, 4);
MAP_OF_SIZES(devices, DEVMAP, 4, 4, 4);
MAP_OF_SIZES(devices_with_program, DEVMAP, 4, 4, 8);
MAP_OF_SIZES(devices_by_key, DEVMAP_HASH, 4, 4, 8);
MAP_OF_SIZES(cpus, CPUMAP, 2, 4, 8);
MAP_OF_SIZES(xsks, XSKMAP, 4, 4, 4);
MAP_OF_SIZES(sockets, SOCKMAP, 4, 4, 8);
MAP_OF_SIZES(sockets_by_key, SOCKHASH, 4, 6, 8);
MAP_OF_SIZES(reuseport, REUSEPORT_SOCKARRAY, 4, 4, 8);
MAP_OF_SIZES(queue, QUEUE, 4, 0, 16);
MAP_OF_SIZES(stack, STACK, 4, 0, 16);
BUFFER(ring, RINGBUF, 4096);
BUFFER(ring_rounded, RINGBUF, 5000);
BUFFER(ring_small, RINGBUF, 1);
BUFFER(user_ring, USER_RINGBUF, 12288);
LOCAL_STORAGE(of_sockets, SK_STORAGE);
LOCAL_STORAGE(of_tasks, TASK_STORAGE);
LOCAL_STORAGE(of_inodes, INODE_STORAGE);

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, struct value);
} of_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, struct value);
} of_cgroup_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__uint(map_extra, 3);
	__uint(value_size, 4);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 3);
	__uint(map_flags, BPF_F_NUMA_NODE);
	__uint(numa_node, 0);
	__type(key, int);
	__type(value, int);
} on_node SEC(".maps");

struct inner one SEC(".maps");
struct inner two SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} by_index SEC(".maps") = { .values = { [0] = &one, [2] = &two } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} by_key SEC(".maps") = { .values = { [1] = &two } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u64);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 8);
		__uint(map_flags, BPF_F_NO_PREALLOC);
		__type(key, int);
		__type(value, int);
	});
} empty_by_long_key SEC(".maps");

SEC("socket")
int jumped_to(struct __sk_buff *ctx)
{
	return 1;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__array(values, int(void *));
} jumps SEC(".maps") = { .values = { [1] = (void *)&jumped_to } };

SEC("socket")
int use(struct __sk_buff *ctx)
{
	__u32 index = 1;
	__u64 key = 1;
	struct value *found = bpf_map_lookup_elem(&hash, &key);
	void *map;

	if (found)
		__sync_fetch_and_add(&found->count, 1);
	found = bpf_map_lookup_elem(&array, &index);
	if (found)
		found->count++;
	found = bpf_map_lookup_elem(&percpu_array, &index);
	if (found)
		found->count++;
	found = bpf_map_lookup_elem(&lru_hash, &key);
	if (found)
		found->count++;
	map = bpf_map_lookup_elem(&by_index, &index);
	if (map) {
		index = 0;
		found = bpf_map_lookup_elem(map, &index);
		if (found)
			found->count++;
	}
	bpf_tail_call(ctx, &jumps, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
