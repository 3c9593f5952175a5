// A field gets wider, into its padding.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 state;
	u32 packets;
};
#else
struct flow {
	u16 state;
	u32 packets;
};
#endif

FLOWS(struct flow);
