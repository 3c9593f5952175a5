// The members of a union become fields of their own.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 v4;
	u32 raw;
};
#else
struct flow {
	union { u32 v4; u32 raw; };
};
#endif

FLOWS(struct flow);
