// clang: -gline-tables-only
#include "variant.h"
