#ifndef EDGESTILL_MATMUL_SIGNED_H
#define EDGESTILL_MATMUL_SIGNED_H
#include "matmul.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
MATMUL(matmul_signed, SIGNED)
#pragma GCC diagnostic pop

#endif
