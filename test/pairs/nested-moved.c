// A nested struct moves.
#include "pair.h"

#ifdef NEW
struct flow {
	struct { u32 saddr; u32 daddr; } key;
	u64 packets;
};
#else
struct flow {
	u64 packets;
	struct { u32 saddr; u32 daddr; } key;
};
#endif

FLOWS(struct flow);
