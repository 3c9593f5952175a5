// The elements of an array get wider.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 slots[4];
};
#else
struct flow {
	u32 slots[4];
};
#endif

FLOWS(struct flow);
