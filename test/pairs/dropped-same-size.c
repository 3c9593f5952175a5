// A field goes, and another takes its place.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u32 state;
	u32 flags;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
