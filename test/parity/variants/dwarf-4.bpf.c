// clang: -gdwarf-4
#include "variant.h"
