#ifndef EDGESTILL_MATMUL_RELU_H
#define EDGESTILL_MATMUL_RELU_H
#include "matmul.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
MATMUL(matmul_relu, RELU)
#pragma GCC diagnostic pop

#endif
