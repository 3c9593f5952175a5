// A variable is added behind another.
#include "pair.h"

#ifdef NEW
u64 hits = 1;
u64 misses = 2;
#else
u64 hits = 1;
#endif
