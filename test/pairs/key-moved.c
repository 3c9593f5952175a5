// Two fields of the key change places.
#include "pair.h"

#ifdef NEW
struct key {
	u32 daddr;
	u32 saddr;
};
#else
struct key {
	u32 saddr;
	u32 daddr;
};
#endif

KEYED(struct key);
