// A name is inserted into an enum: those behind it mean other numbers.
#include "pair.h"

#ifdef NEW
enum state { IDLE, HALF, OPEN };
#else
enum state { IDLE, OPEN };
#endif

struct flow { enum state state; u32 packets; };
FLOWS(struct flow);
