// A spin lock goes.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
};
#else
struct flow {
	u64 packets;
	struct bpf_spin_lock lock;
};
#endif

FLOWS(struct flow);
