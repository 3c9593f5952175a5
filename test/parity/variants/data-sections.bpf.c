// clang: -fdata-sections
#include "variant.h"
