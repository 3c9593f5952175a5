// A field is added in place of padding that has a name.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 state;
	u8 flags;
	u8 pad[3];
};
#else
struct flow {
	u32 state;
	u8 pad[4];
};
#endif

FLOWS(struct flow);
