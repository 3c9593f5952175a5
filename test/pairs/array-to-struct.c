// An array becomes a struct.
#include "pair.h"

#ifdef NEW
struct flow {
	struct { u32 low; u32 high; } addr;
	u64 packets;
};
#else
struct flow {
	u32 addr[2];
	u64 packets;
};
#endif

FLOWS(struct flow);
