// A queue, which nobody can carry, gets room for more.
#include "pair.h"

#ifdef NEW
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 128);
	__type(value, u64);
} flows SEC(".maps");
#else
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 64);
	__type(value, u64);
} flows SEC(".maps");
#endif
