// The map says only sizes.
#include "pair.h"

#ifdef NEW
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 8);
} flows SEC(".maps");
#else
MAP(flows, HASH, 64, u32, u64);
#endif
