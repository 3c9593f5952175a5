// The struct of an array gets another name.
#include "pair.h"

struct slot { u32 hits; };
struct entry { u32 hits; };

#ifdef NEW
struct flow {
	struct entry slots[2];
};
#else
struct flow {
	struct slot slots[2];
};
#endif

FLOWS(struct flow);
