// A hash becomes an LRU hash.
#include "pair.h"

#ifdef NEW
MAP(flows, LRU_HASH, 64, u32, u64);
#else
MAP(flows, HASH, 64, u32, u64);
#endif
