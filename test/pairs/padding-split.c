// A member that is padding becomes two.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 state;
	u16 pad1;
	u16 pad2;
	u64 packets;
};
#else
struct flow {
	u32 state;
	u8 pad[4];
	u64 packets;
};
#endif

FLOWS(struct flow);
