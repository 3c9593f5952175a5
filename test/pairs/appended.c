// A field is added at the end.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u64 bytes;
	u64 drops;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
