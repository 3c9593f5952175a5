// A name of an enum goes, and its number too.
#include "pair.h"

#ifdef NEW
enum state { IDLE, OPEN };
#else
enum state { IDLE, OPEN, CLOSED };
#endif

struct flow { enum state state; u32 packets; };
FLOWS(struct flow);
