// A constant is added.
#include "pair.h"

#ifdef NEW
const volatile u64 limit = 1;
const volatile u64 rate = 2;
#else
const volatile u64 limit = 1;
#endif
