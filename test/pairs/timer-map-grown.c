// A map with timers gets room for more entries: its timers cannot come along.
#include "pair.h"

struct flow {
	u64 packets;
	struct bpf_timer timer;
};

#ifdef NEW
MAP(flows, HASH, 128, u32, struct flow);
#else
MAP(flows, HASH, 64, u32, struct flow);
#endif
