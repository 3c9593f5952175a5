// An unsigned field becomes a wider signed one.
#include "pair.h"

#ifdef NEW
struct flow {
	s64 delta;
	u32 packets;
};
#else
struct flow {
	u32 delta;
	u32 packets;
};
#endif

FLOWS(struct flow);
