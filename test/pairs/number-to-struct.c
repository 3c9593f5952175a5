// A value that was a number becomes a struct.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u64 bytes;
};
FLOWS(struct flow);
#else
FLOWS(u64);
#endif
