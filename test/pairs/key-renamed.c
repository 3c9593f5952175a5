// A field of the key gets another name.
#include "pair.h"

#ifdef NEW
struct key {
	u32 source;
	u32 daddr;
};
#else
struct key {
	u32 saddr;
	u32 daddr;
};
#endif

KEYED(struct key);
