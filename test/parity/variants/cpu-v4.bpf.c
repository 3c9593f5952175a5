// clang: -mcpu=v4
#include "variant.h"
