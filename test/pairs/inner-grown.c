// The hashes in a map get room for more.
#include "pair.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
#ifdef NEW
	__uint(max_entries, 128);
#else
	__uint(max_entries, 64);
#endif
	__type(key, u32);
	__type(value, u64);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, u32);
	__array(values, struct inner);
} flows SEC(".maps");
