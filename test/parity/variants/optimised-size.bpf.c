// clang: -Os
#include "variant.h"
