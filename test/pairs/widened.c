// A field gets wider.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u32 bytes;
};
#else
struct flow {
	u32 packets;
	u32 bytes;
};
#endif

FLOWS(struct flow);
