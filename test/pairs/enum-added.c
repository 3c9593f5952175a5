// An enum gets another name.
#include "pair.h"

#ifdef NEW
enum state { IDLE, OPEN, CLOSED };
#else
enum state { IDLE, OPEN };
#endif

struct flow { enum state state; u32 packets; };
FLOWS(struct flow);
