// clang: -mcpu=v1
#include "variant.h"
