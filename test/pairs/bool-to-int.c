// A bool becomes a byte.
#include "pair.h"

#ifdef NEW
struct flow {
	u8 seen;
	u32 packets;
};
#else
struct flow {
	bool seen;
	u32 packets;
};
#endif

FLOWS(struct flow);
