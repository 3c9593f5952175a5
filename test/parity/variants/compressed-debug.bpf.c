// clang: -gz
#include "variant.h"
