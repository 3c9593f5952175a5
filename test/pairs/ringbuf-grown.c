// A ring buffer, which has no state, gets larger.
#include "pair.h"

#ifdef NEW
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8192);
} flows SEC(".maps");
#else
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} flows SEC(".maps");
#endif
