// The key gets larger.
#include "pair.h"

#ifdef NEW
struct key {
	u32 saddr;
	u32 daddr;
	u32 port;
};
#else
struct key {
	u32 saddr;
	u32 daddr;
};
#endif

KEYED(struct key);
