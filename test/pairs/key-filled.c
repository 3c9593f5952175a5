// A field is added to the key where there was padding.
#include "pair.h"

#ifdef NEW
struct key {
	u32 saddr;
	u16 port;
	u16 proto;
};
#else
struct key {
	u32 saddr;
	u16 port;
};
#endif

KEYED(struct key);
