// An enum becomes an integer of its size and sign.
#include "pair.h"

enum state { IDLE, OPEN };

#ifdef NEW
struct flow {
	u32 state;
	u32 packets;
};
#else
struct flow {
	enum state state;
	u32 packets;
};
#endif

FLOWS(struct flow);
