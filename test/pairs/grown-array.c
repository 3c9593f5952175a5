// An array gets more elements.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 slots[8];
};
#else
struct flow {
	u32 slots[4];
};
#endif

FLOWS(struct flow);
