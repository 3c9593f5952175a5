// A member of a union gets another type.
#include "pair.h"

#ifdef NEW
struct flow {
	union { u16 v4; u64 raw; } addr;
};
#else
struct flow {
	union { u32 v4; u64 raw; } addr;
};
#endif

FLOWS(struct flow);
