// A field of the key gets a type of another name.
#include "pair.h"

#ifdef NEW
struct key {
	__u32 saddr;
	u32 daddr;
};
#else
struct key {
	u32 saddr;
	u32 daddr;
};
#endif

KEYED(struct key);
