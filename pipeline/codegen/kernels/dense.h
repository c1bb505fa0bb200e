#ifndef EDGESTILL_DENSE_H
#define EDGESTILL_DENSE_H
#include "dot.h"
#include "fixed_point.h"

/* y[r][o] = bias[o] + sum of x[r][t] * weights[o][t], requantized; `step` is 1 for one multiplier a channel, else 0. */
static void dense(const int8_t *x, uint32_t rows, uint32_t terms, uint32_t outputs, const int8_t *weights,
                  const int32_t *bias, const int32_t *multiplier, const int32_t *shift, uint32_t step,
                  int32_t zero_point, int32_t least, int32_t greatest, int8_t *y) {
    for (uint32_t r = 0; r < rows; r++, x += terms) {
        const int8_t *w = weights;
        for (uint32_t o = 0; o < outputs; o++, w += terms) {
            const int32_t sum = dot(x, w, (int32_t)terms, bias[o]);
            *y++ = (int8_t)clamped(scaled(sum, multiplier[o * step], shift[o * step]) + zero_point, least, greatest);
        }
    }
}

#endif
