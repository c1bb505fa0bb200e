#ifndef EDGESTILL_SOFTMAX_H
#define EDGESTILL_SOFTMAX_H
#include "fixed_point.h"

/* x * 4 cut to 32 bits. */
static inline int32_t quadrupled(int32_t x) {
    return clamped(x, INT32_MIN / 4, INT32_MAX / 4) * 4 + (x > INT32_MAX / 4 ? 3 : 0);
}

/* 1 / (1 + a) in Q0.31 of a in [0, 1) in Q0.31, by three Newton-Raphson steps (gemmlowp, one_over_one_plus_x). */
static inline int32_t inverse_of_one_plus(int32_t a) {
    const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) >> 1);                /* (1 + a) / 2 */
    int32_t x = 1515870810 + doubling_high_product(half, -1010580540); /* 48/17 - 32/17 * half, in Q2.29 */
    for (int step = 0; step < 3; step++) {
        x += quadrupled(doubling_high_product(x, (1 << 29) - doubling_high_product(half, x)));
    }
    return x > INT32_MAX / 2 ? INT32_MAX : 2 * x;
}

/* Rows of shares: exp(x - greatest) over the sum of these, in steps of 1/256 from -128 on. exponentials[d + 255] is the
 * exponential of a difference d in Q0.31, 0 where TFLite leaves the term out. y may be x. */
static inline void softmax(const int8_t *x, uint32_t rows, uint32_t depth, const int32_t *exponentials, int8_t *y) {
    for (uint32_t r = 0; r < rows; r++, x += depth, y += depth) {
        int32_t greatest = x[0];
        for (uint32_t i = 1; i < depth; i++) {
            greatest = x[i] > greatest ? x[i] : greatest;
        }
        const int32_t origin = 255 - greatest;
        uint32_t sum = 0; /* in Q12.19, at least 1 */
        for (uint32_t i = 0; i < depth; i++) {
            sum += (uint32_t)rounded_shift(exponentials[origin + x[i]], 12);
        }
        const int32_t headroom = __builtin_clz(sum);
        const int32_t inverse = inverse_of_one_plus((int32_t)((sum << headroom) - (UINT32_C(1) << 31)));
        const int32_t down = 12 - headroom + 31 - 8; /* beyond 31, every share rounds to nothing */
        for (uint32_t i = 0; i < depth; i++) {
            const int32_t share = doubling_high_product(exponentials[origin + x[i]], inverse);
            y[i] = (int8_t)((down > 31 ? 0 : clamped(rounded_shift(share, down), 0, 255)) - 128);
        }
    }
}

#endif
