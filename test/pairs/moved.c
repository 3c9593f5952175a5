// Two fields change places.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 bytes;
	u64 packets;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
