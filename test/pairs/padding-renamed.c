// A member that is padding gets another name.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 state;
	u32 __reserved1;
	u64 packets;
};
#else
struct flow {
	u32 state;
	u32 pad;
	u64 packets;
};
#endif

FLOWS(struct flow);
