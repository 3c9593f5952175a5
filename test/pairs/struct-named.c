// Two fields are put into a struct with a name.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	struct { u32 saddr; u32 daddr; } key;
};
#else
struct flow {
	u64 packets;
	u32 saddr;
	u32 daddr;
};
#endif

FLOWS(struct flow);
