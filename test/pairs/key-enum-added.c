// The enum that is the key gets another name.
#include "pair.h"

#ifdef NEW
enum reason { TIMEOUT, RESET, ABORT };
#else
enum reason { TIMEOUT, RESET };
#endif

KEYED(enum reason);
