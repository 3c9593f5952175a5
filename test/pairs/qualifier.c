// A field becomes volatile.
#include "pair.h"

#ifdef NEW
struct flow {
	volatile u64 packets;
	u64 bytes;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
