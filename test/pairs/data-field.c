// The struct of a variable gets a field.
#include "pair.h"

#ifdef NEW
struct stats { u64 hits; u64 misses; };
#else
struct stats { u64 hits; };
#endif

struct stats stats = { .hits = 1 };
