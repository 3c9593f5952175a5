// Two counters that are declared sums change places, and so do those of an array's elements.
#include "pair.h"

#define SUM __attribute__((btf_decl_tag("bpfpin:sum")))

typedef u64 counter SUM;

#ifdef NEW
struct slot {
	u32 state;
	u32 hits SUM;
};
struct flow {
	u64 bytes SUM;
	counter packets;
	u32 state;
	struct slot slots[2];
	u32 histogram[4] SUM;
};
#else
struct slot {
	u32 hits SUM;
	u32 state;
};
struct flow {
	counter packets;
	u64 bytes SUM;
	u32 state;
	struct slot slots[2];
	u32 histogram[4] SUM;
};
#endif

FLOWS(struct flow);
