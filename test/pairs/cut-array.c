// An array gets fewer elements.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 slots[4];
	u64 packets;
};
#else
struct flow {
	u32 slots[8];
	u64 packets;
};
#endif

FLOWS(struct flow);
