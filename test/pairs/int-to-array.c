// A number becomes an array.
#include "pair.h"

#ifdef NEW
struct flow {
	u8 addr[8];
	u64 packets;
};
#else
struct flow {
	u64 addr;
	u64 packets;
};
#endif

FLOWS(struct flow);
