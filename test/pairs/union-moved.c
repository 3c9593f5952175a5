// A union moves.
#include "pair.h"

#ifdef NEW
struct flow {
	union { u32 v4; u64 raw; } addr;
	u64 packets;
};
#else
struct flow {
	u64 packets;
	union { u32 v4; u64 raw; } addr;
};
#endif

FLOWS(struct flow);
