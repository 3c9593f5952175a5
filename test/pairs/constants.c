// A constant changes.
#include "pair.h"

#ifdef NEW
const volatile u64 limit = 2;
#else
const volatile u64 limit = 1;
#endif
