// A map is added.
#include "pair.h"

#ifdef NEW
FLOWS(u64);
MAP(drops, HASH, 64, u32, u64);
#else
FLOWS(u64);
#endif
