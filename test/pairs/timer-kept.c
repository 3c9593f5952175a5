// A field is added behind a timer.
#include "pair.h"

#ifdef NEW
struct flow {
	u64 packets;
	struct bpf_timer timer;
	u64 bytes;
};
#else
struct flow {
	u64 packets;
	struct bpf_timer timer;
};
#endif

FLOWS(struct flow);
