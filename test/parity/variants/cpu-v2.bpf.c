// clang: -mcpu=v2
#include "variant.h"
