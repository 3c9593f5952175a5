// A field becomes signed.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	s64 bytes;
};
#else
struct flow {
	u64 packets;
	u64 bytes;
};
#endif

FLOWS(struct flow);
