// A field becomes padding.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u64 pad;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
