// A field is added in front.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 drops;
	u64 packets;
	u64 bytes;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
