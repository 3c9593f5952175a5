// A union gets another member that is not larger.
#include "pair.h"

#ifdef NEW
struct flow {
	union { u32 v4; u8 v6[16]; u64 raw; } addr;
};
#else
struct flow {
	union { u32 v4; u8 v6[16]; } addr;
};
#endif

FLOWS(struct flow);
