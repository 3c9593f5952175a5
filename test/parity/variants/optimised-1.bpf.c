// clang: -O1
#include "variant.h"
