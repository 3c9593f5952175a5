// A field gets narrower.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u32 bytes;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
