// A name of an enum changes, its number does not.
#include "pair.h"

#ifdef NEW
enum state { IDLE, ESTABLISHED };
#else
enum state { IDLE, OPEN };
#endif

struct flow { enum state state; u32 packets; };
FLOWS(struct flow);
