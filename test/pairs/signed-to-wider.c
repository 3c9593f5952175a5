// A signed field becomes a wider unsigned one.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 delta;
	u32 packets;
};
#else
struct flow {
	s32 delta;
	u32 packets;
};
#endif

FLOWS(struct flow);
