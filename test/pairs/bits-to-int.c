// A bitfield becomes a field of its own.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 packets;
	u32 state;
};
#else
struct flow {
	u32 state : 8;
	u32 packets;
};
#endif

FLOWS(struct flow);
