// A union gets a larger member.
#include "pair.h"

#ifdef NEW
struct flow {
	union { u32 v4; u64 raw; u8 v6[16]; } addr;
};
#else
struct flow {
	union { u32 v4; u64 raw; } addr;
};
#endif

FLOWS(struct flow);
