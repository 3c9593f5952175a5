// clang: -ffunction-sections
#include "variant.h"
