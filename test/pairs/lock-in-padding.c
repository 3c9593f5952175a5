// A spin lock is added where there was padding.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u32 state;
	struct bpf_spin_lock lock;
};
#else
struct flow {
	u64 packets;
	u32 state;
};
#endif

FLOWS(struct flow);
