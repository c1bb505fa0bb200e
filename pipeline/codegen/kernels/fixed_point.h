#ifndef EDGESTILL_FIXED_POINT_H
#define EDGESTILL_FIXED_POINT_H
#include <stdint.h>

/* The two roundings of TFLite's integer kernels (gemmlowp, fixedpoint/fixedpoint.h). */

/* The high 32 bits of 2 * a * b, ties up; a and b are not both INT32_MIN. */
static inline int32_t doubling_high_product(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* x / 2^exponent to the nearest integer, ties away from zero; 0 <= exponent <= 31. */
static inline int32_t rounded_shift(int32_t x, int32_t exponent) {
    const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1u);
    const int32_t above = (x & mask) > (mask >> 1) + (x < 0);
    return (x >> exponent) + above;
}

/* x * multiplier / 2^31 * 2^shift, rounded twice as TFLite does: a left shift comes first, a right one last. */
static inline int32_t scaled(int32_t x, int32_t multiplier, int32_t shift) {
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    return rounded_shift(doubling_high_product((int32_t)((uint32_t)x << left), multiplier), right);
}

static inline int32_t clamped(int32_t x, int32_t least, int32_t greatest) {
    return x < least ? least : x > greatest ? greatest : x;
}

#endif
