// A bitfield is added in spare bits.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 state : 3;
	u32 flags : 5;
	u64 packets;
};
#else
struct flow {
	u32 state : 3;
	u64 packets;
};
#endif

FLOWS(struct flow);
