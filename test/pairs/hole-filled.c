// A field is added in a hole between two others.
#include "pair.h"

#ifdef NEW
struct flow {
	u8 state;
	u8 flags;
	u32 packets;
};
#else
struct flow {
	u8 state;
	u32 packets;
};
#endif

FLOWS(struct flow);
