// Bitfields move behind another field.
#include "pair.h"

struct flow {
#ifdef NEW
	u32 packets;
	u32 state : 3;
	u32 mode : 5;
#else
	u32 state : 3;
	u32 mode : 5;
	u32 packets;
#endif
};

FLOWS(struct flow);
