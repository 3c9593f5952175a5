// The map gets room for fewer entries.
#include "pair.h"

#ifdef NEW
MAP(flows, HASH, 32, u32, u64);
#else
MAP(flows, HASH, 64, u32, u64);
#endif
