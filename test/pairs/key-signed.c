// The key becomes signed.
#include "pair.h"

#ifdef NEW
KEYED(s32);
#else
KEYED(u32);
#endif
