// Nothing changes.
#include "pair.h"

struct flow {
	u64 packets;
	u64 bytes;
};

FLOWS(struct flow);
