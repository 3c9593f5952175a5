// A variable starts with another value.
#include "pair.h"

#ifdef NEW
u64 hits = 2;
#else
u64 hits = 1;
#endif
