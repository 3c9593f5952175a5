// A field gets a type of another name.
#include "pair.h"

#ifdef NEW
struct flow {
	__u64 packets;
	u64 bytes;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
