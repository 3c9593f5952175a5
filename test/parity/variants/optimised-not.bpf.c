// clang: -O0
#include "variant.h"
