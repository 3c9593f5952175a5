// A spin lock is added at the end.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	struct bpf_spin_lock lock;
};
#else
struct flow {
	u64 packets;
};
#endif

FLOWS(struct flow);
