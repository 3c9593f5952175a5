// A field is added where there was padding.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u32 state;
	u32 flags;
};
#else
struct flow {
	u64 packets;
	u32 state;
};
#endif

FLOWS(struct flow);
