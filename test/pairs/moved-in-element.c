// Fields of the elements of an array change places.
#include "pair.h"

#ifdef NEW
struct slot { u32 misses; u32 hits; };
#else
struct slot { u32 hits; u32 misses; };
#endif

struct flow {
	struct slot slots[2];
};

FLOWS(struct flow);
