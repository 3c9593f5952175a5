// What the sources of pairs share. Each holds one change: the old side as it is, the new one with -DNEW.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;

#define MAP(name, kind, entries, keys, values)                                                     \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##kind);                                                 \
		__uint(max_entries, entries);                                                      \
		__type(key, keys);                                                                 \
		__type(value, values);                                                             \
	} name SEC(".maps")

#define FLOWS(values) MAP(flows, HASH, 64, u32, values)
#define KEYED(keys) MAP(flows, HASH, 64, keys, u64)
