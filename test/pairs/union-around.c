// A field becomes a member of a union without a name.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	union { u64 bytes; u32 words[2]; };
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
