// clang: -g0
#include "variant.h"
