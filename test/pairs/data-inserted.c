// A variable is added in front of another.
#include "pair.h"

#ifdef NEW
u64 misses = 2;
u64 hits = 1;
#else
u64 hits = 1;
#endif
