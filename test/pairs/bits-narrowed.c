// A bitfield gets narrower.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 state : 3;
	u32 packets;
};
#else
struct flow {
	u32 state : 6;
	u32 packets;
};
#endif

FLOWS(struct flow);
