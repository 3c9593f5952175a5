// A field gets another name.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u64 octets;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
