// A pointer leads to another type.
#include "pair.h"

struct one;
struct other;

#ifdef NEW
struct flow {
	struct other *seen;
	u64 packets;
};
#else
struct flow {
	struct one *seen;
	u64 packets;
};
#endif

FLOWS(struct flow);
