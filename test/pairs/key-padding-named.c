// Padding of the key gets a name.
#include "pair.h"

#ifdef NEW
struct key {
	u32 saddr;
	u16 port;
	u16 pad;
};
#else
struct key {
	u32 saddr;
	u16 port;
};
#endif

KEYED(struct key);
