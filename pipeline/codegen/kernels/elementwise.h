#ifndef EDGESTILL_ELEMENTWISE_H
#define EDGESTILL_ELEMENTWISE_H
#include "fixed_point.h"

/* Rows of values with values, one by one. An operand moves by its step, which is 0 where one value serves the row.
 * Everything but the pointers is a constant where these are called, so each call is compiled for itself.
 * y may lie where an operand lies that moves by 1. */

/* a * b / 2^32 to the nearest integer, ties up. */
static inline int32_t rounded_high_product(int32_t a, int32_t b) {
#if defined(__ARM_FEATURE_DSP)
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(a), "r"(b));
    return high;
#else
    return (int32_t)(((int64_t)a * b + INT64_C(0x80000000)) >> 32);
#endif
}

/* x / 2^exponent to the nearest integer, ties away from zero, for |x| below 2^30. */
static inline int32_t shifted_right(int32_t x, int32_t exponent) {
    return exponent == 0 ? x : (x + (1 << (exponent - 1)) + (x >> 31)) >> exponent;
}

/* (x - zero_point) * 2^20 * multiplier / 2^31 / 2^right: a term of a sum, on the scale of both terms. */
static inline int32_t sum_term(int32_t x, int32_t zero_point, int32_t multiplier, int32_t right) {
    if (multiplier == 1 << 30 && right == 0) {
        return x * (1 << 19) - zero_point * (1 << 19); /* the greater of the two scales: half of it, exactly */
    }
    return shifted_right(rounded_high_product(x * (1 << 21) - zero_point * (1 << 21), multiplier), right);
}

/* y = a + sign * b of three scales. */
static inline void sum_rows(const int8_t *a, uint32_t a_step, int32_t a_zero_point, int32_t a_multiplier,
                            int32_t a_right, const int8_t *b, uint32_t b_step, int32_t b_zero_point,
                            int32_t b_multiplier, int32_t b_right, int32_t sign, uint32_t count, int32_t multiplier,
                            int32_t right, int32_t zero_point, int32_t least, int32_t greatest, int8_t *y) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t one = sum_term(a[i * a_step], a_zero_point, a_multiplier, a_right);
        const int32_t other = sum_term(b[i * b_step], b_zero_point, b_multiplier, b_right);
        const int32_t sum = shifted_right(rounded_high_product(2 * (one + sign * other), multiplier), right);
        y[i] = (int8_t)clamped(sum + zero_point, least, greatest);
    }
}

/* y = a * b of three scales. */
static inline void product_rows(const int8_t *a, uint32_t a_step, int32_t a_zero_point, const int8_t *b,
                                uint32_t b_step, int32_t b_zero_point, uint32_t count, int32_t multiplier,
                                int32_t shift, int32_t zero_point, int32_t least, int32_t greatest, int8_t *y) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t product = (a[i * a_step] - a_zero_point) * (b[i * b_step] - b_zero_point);
        y[i] = (int8_t)clamped(scaled(product, multiplier, shift) + zero_point, least, greatest);
    }
}

/* y = a where it is not negative, else a * slope. */
static inline void prelu_rows(const int8_t *a, uint32_t a_step, int32_t a_zero_point, const int8_t *slope,
                              uint32_t slope_step, int32_t slope_zero_point, uint32_t count, int32_t multiplier,
                              int32_t shift, int32_t slope_multiplier, int32_t slope_shift, int32_t zero_point,
                              int8_t *y) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t x = a[i * a_step] - a_zero_point;
        const int32_t leaked = scaled(x * (slope[i * slope_step] - slope_zero_point), slope_multiplier, slope_shift);
        const int32_t kept = scaled(x, multiplier, shift);
        y[i] = (int8_t)clamped((x < 0 ? leaked : kept) + zero_point, -128, 127);
    }
}

/* y = the greater of a and b, or with `lesser` the lesser one. */
static inline void bound_rows(const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step, int32_t lesser,
                              uint32_t count, int8_t *y) {
    for (uint32_t i = 0; i < count; i++) {
        const int8_t one = a[i * a_step], other = b[i * b_step];
        y[i] = (one < other) == (lesser != 0) ? one : other;
    }
}

#endif
