// The elements of an array get a field.
#include "pair.h"

#ifdef NEW
struct slot { u32 hits; u32 misses; };
#else
struct slot { u32 hits; };
#endif

struct flow {
	struct slot slots[2];
};

FLOWS(struct flow);
