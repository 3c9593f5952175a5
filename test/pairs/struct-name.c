// The struct gets another name.
#include "pair.h"

#ifdef NEW
struct stream {
	u64 packets;
	u64 bytes;
};
FLOWS(struct stream);
#else
struct flow {
	u64 packets;
	u64 bytes;
};
FLOWS(struct flow);
#endif
