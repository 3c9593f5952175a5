// An enum gets another name in front of the one that counts them.
#include "pair.h"

#ifdef NEW
enum state { IDLE, OPEN, CLOSED, STATE_MAX };
#else
enum state { IDLE, OPEN, STATE_MAX };
#endif

struct flow { enum state state; u32 packets; };
FLOWS(struct flow);
