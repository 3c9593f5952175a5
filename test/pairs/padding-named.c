// Padding gets a name.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 state;
	u32 pad;
	u64 packets;
};
#else
struct flow {
	u32 state;
	u64 packets;
};
#endif

FLOWS(struct flow);
