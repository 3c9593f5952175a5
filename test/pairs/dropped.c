// A field goes.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u64 bytes;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
	u64 drops;
};
#endif

FLOWS(struct flow);
