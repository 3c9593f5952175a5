// A member of a union goes.
#include "pair.h"

#ifdef NEW
struct flow {
	union { u64 raw; } addr;
};
#else
struct flow {
	union { u32 v4; u64 raw; } addr;
};
#endif

FLOWS(struct flow);
