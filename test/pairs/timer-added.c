// A timer is added.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	struct bpf_timer timer;
};
#else
struct flow {
	u64 packets;
};
#endif

FLOWS(struct flow);
