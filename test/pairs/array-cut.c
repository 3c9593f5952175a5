// The array map gets fewer elements.
#include "pair.h"

#ifdef NEW
MAP(flows, ARRAY, 32, u32, u64);
#else
MAP(flows, ARRAY, 64, u32, u64);
#endif
