// A variable is added in padding, and starts with another value than 0.
#include "pair.h"

#ifdef NEW
u32 state = 1;
u32 mode = 3;
u64 hits = 1;
#else
u32 state = 1;
u64 hits = 1;
#endif
