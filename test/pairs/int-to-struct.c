// A number becomes a struct.
#include "pair.h"

#ifdef NEW
struct flow {
	struct { u64 ns; } seen;
	u64 packets;
};
#else
struct flow {
	u64 seen;
	u64 packets;
};
#endif

FLOWS(struct flow);
