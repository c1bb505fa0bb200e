#ifndef EDGESTILL_MATMUL_CLAMPED_H
#define EDGESTILL_MATMUL_CLAMPED_H
#include "matmul.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
MATMUL(matmul_clamped, CLAMPED)
#pragma GCC diagnostic pop

#endif
