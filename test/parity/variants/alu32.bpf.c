// clang: -mcpu=v2 -Xclang -target-feature -Xclang +alu32
#include "variant.h"
