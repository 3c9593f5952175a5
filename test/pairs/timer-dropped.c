// A timer goes.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
};
#else
struct flow {
	u64 packets;
	struct bpf_timer timer;
};
#endif

FLOWS(struct flow);
