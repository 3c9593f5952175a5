// A variable gets another name.
#include "pair.h"

#ifdef NEW
u64 hits = 1;
u64 failures = 2;
#else
u64 hits = 1;
u64 misses = 2;
#endif
