// A variable goes.
#include "pair.h"

#ifdef NEW
u64 hits = 1;
#else
u64 hits = 1;
u64 misses = 2;
#endif
