// clang: -fno-inline
#include "variant.h"
