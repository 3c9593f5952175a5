// A signed field gets wider.
#include "pair.h"

#ifdef NEW
struct flow {
	s64 delta;
	u32 packets;
};
#else
struct flow {
	s32 delta;
	u32 packets;
};
#endif

FLOWS(struct flow);
