// A variable is added in padding, and starts with 0.
#include "pair.h"

#ifdef NEW
u32 state;
u32 mode;
u64 hits;
#else
u32 state;
u64 hits;
#endif
