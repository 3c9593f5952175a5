// A field is added in front of a timer.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	u64 bytes;
	struct bpf_timer timer;
};
#else
struct flow {
	u64 packets;
	struct bpf_timer timer;
};
#endif

FLOWS(struct flow);
