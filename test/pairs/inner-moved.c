// The maps in a map get values whose fields change their places.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 bytes;
	u64 packets;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct flow);
};

/* without a map of its own the compiler describes no more of `struct flow` than its name */
struct inner first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, u32);
	__array(values, struct inner);
} flows SEC(".maps");
