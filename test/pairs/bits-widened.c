// A bitfield gets wider.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 state : 6;
	u32 mode : 5;
};
#else
struct flow {
	u32 state : 3;
	u32 mode : 5;
};
#endif

FLOWS(struct flow);
