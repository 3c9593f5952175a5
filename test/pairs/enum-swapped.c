// Two names of an enum change places.
#include "pair.h"

#ifdef NEW
enum state { OPEN, IDLE };
#else
enum state { IDLE, OPEN };
#endif

struct flow { enum state state; u32 packets; };
FLOWS(struct flow);
