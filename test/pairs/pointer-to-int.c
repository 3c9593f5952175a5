// A pointer becomes an integer.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 seen;
	u64 packets;
};
#else
struct flow {
	void *seen;
	u64 packets;
};
#endif

FLOWS(struct flow);
