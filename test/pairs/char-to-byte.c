// An array of char becomes one of bytes.
#include "pair.h"

#ifdef NEW
struct flow {
	u8 comm[16];
	u32 packets;
};
#else
struct flow {
	char comm[16];
	u32 packets;
};
#endif

FLOWS(struct flow);
