// A hash becomes one per CPU.
#include "pair.h"

#ifdef NEW
MAP(flows, PERCPU_HASH, 64, u32, u64);
#else
MAP(flows, HASH, 64, u32, u64);
#endif
