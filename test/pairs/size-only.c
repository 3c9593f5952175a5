// The struct is aligned to more bytes.
#include "pair.h"

#ifdef NEW
struct flow {
	u32 packets;
} __attribute__((aligned(8)));
#else
struct flow {
	u32 packets;
};
#endif

FLOWS(struct flow);
