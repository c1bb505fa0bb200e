#ifndef EDGESTILL_ELEMENTWISE_H
#define EDGESTILL_ELEMENTWISE_H
#include "fixed_point.h"
#include "instructions.h"

/* Rows of values with values, one by one. An operand moves by its step, which is 0 where one value serves the row.
 * All but the pointers is constant where these are called, and each call is compiled for its constants.
 * y may lie where an operand lies that moves by 1. */

/* a * b / 2^32 to the nearest integer, ties up. */
KERNEL_INLINE int32_t rounded_high_product(int32_t a, int32_t b) {
#if KERNEL_DSP
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(a), "r"(b));
    return high;
#else
    return (int32_t)(((int64_t)a * b + INT64_C(0x80000000)) >> 32);
#endif
}

/* x / 2^exponent to the nearest integer, ties away from zero, for |x| below 2^30. */
KERNEL_INLINE int32_t rounded_right(int32_t x, int32_t exponent) {
    return exponent == 0 ? x : (x + (1 << (exponent - 1)) + (x >> 31)) >> exponent;
}

/* The same value, of which a compiler knows nothing: it stays in a register and is not taken apart. */
KERNEL_INLINE int32_t in_register(int32_t x) {
#if KERNEL_DSP
    __asm__("" : "+r"(x));
#endif
    return x;
}

/* Two operands on one scale, and from there to the output's: multipliers in Q0.31, and by how far the product is
 * shifted right. sign is 1 for a sum and -1 for a difference. */
struct sum {
    int32_t a_zero_point, a_multiplier, a_right;
    int32_t b_zero_point, b_multiplier, b_right, sign;
    int32_t multiplier, right, zero_point, least, greatest;
};

/* The operand of the greater scale, or both: it is halved, exactly. */
KERNEL_INLINE int32_t is_halved(int32_t multiplier, int32_t right) {
    return multiplier == 1 << 30 && right == 0;
}

/* What the zero point adds to a term. */
KERNEL_INLINE int32_t term_start(int32_t zero_point, int32_t multiplier, int32_t right) {
    return in_register(-zero_point * (is_halved(multiplier, right) ? 1 << 20 : 1 << 21));
}

/* Twice a term: (x - zero_point) * 2^20 * multiplier / 2^31 / 2^right. */
KERNEL_INLINE int32_t doubled_term(int32_t x, int32_t start, int32_t multiplier, int32_t right) {
    if (is_halved(multiplier, right)) {
        return x * (1 << 20) + start;
    }
    return 2 * rounded_right(rounded_high_product(x * (1 << 21) + start, multiplier), right);
}

/* What is added before the last shift: half of a step, and the zero point. */
KERNEL_INLINE int32_t end_of(int32_t right, int32_t zero_point) {
    return in_register(right > 0 && right < 23 ? (1 << (right - 1)) + zero_point * (1 << right) : 0);
}

/* x / 2^right, rounded, and the zero point, clamped; |x| is below 2^29, and `end` is what end_of gives. */
KERNEL_INLINE int32_t ended(int32_t x, int32_t end, int32_t right, int32_t zero_point, int32_t least,
                            int32_t greatest) {
    if (right < 1 || right > 22) {
        return clamped(rounded_right(x, right) + zero_point, least, greatest);
    }
    const int32_t moved = x + end + (x >> 31);
#if KERNEL_DSP
    if (least == -128 && greatest == 127) {
        int32_t made;
        __asm__("ssat %0, #8, %1, asr %2" : "=r"(made) : "r"(moved), "i"(right));
        return made;
    }
#endif
    return clamped(moved >> right, least, greatest);
}

/* y = a + sign * b of three scales. */
KERNEL_INLINE void sum_rows(const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step, uint32_t count,
                            const struct sum *s, int8_t *y) {
    const int32_t a_start = term_start(s->a_zero_point, s->a_multiplier, s->a_right);
    const int32_t b_start = term_start(s->b_zero_point, s->b_multiplier, s->b_right);
    const int32_t end = end_of(s->right, s->zero_point);
    for (uint32_t i = 0; i < count; i++) {
        const int32_t one = doubled_term(a[i * a_step], a_start, s->a_multiplier, s->a_right);
        const int32_t other = doubled_term(b[i * b_step], b_start, s->b_multiplier, s->b_right);
        const int32_t sum = rounded_high_product(one + s->sign * other, s->multiplier);
        y[i] = (int8_t)ended(sum, end, s->right, s->zero_point, s->least, s->greatest);
    }
}

/* y = a * b of three scales. */
KERNEL_INLINE void product_rows(const int8_t *a, uint32_t a_step, int32_t a_zero_point, const int8_t *b,
                                uint32_t b_step, int32_t b_zero_point, uint32_t count, int32_t multiplier,
                                int32_t shift, int32_t zero_point, int32_t least, int32_t greatest, int8_t *y) {
    const int32_t end = end_of(-shift, zero_point);
    for (uint32_t i = 0; i < count; i++) {
        const int32_t product = (a[i * a_step] - a_zero_point) * (b[i * b_step] - b_zero_point);
        if (shift > 0) {
            y[i] = (int8_t)clamped(scaled(product, multiplier, shift) + zero_point, least, greatest);
        } else {
            const int32_t high = rounded_high_product(2 * product, multiplier);
            y[i] = (int8_t)ended(high, end, -shift, zero_point, least, greatest);
        }
    }
}

/* y = a where it is not negative, else a * slope. */
KERNEL_INLINE void prelu_rows(const int8_t *a, uint32_t a_step, int32_t a_zero_point, const int8_t *slope,
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
KERNEL_INLINE void bound_rows(const int8_t *a, uint32_t a_step, const int8_t *b, uint32_t b_step, int32_t lesser,
                              uint32_t count, int8_t *y) {
    for (uint32_t i = 0; i < count; i++) {
        const int8_t one = a[i * a_step], other = b[i * b_step];
        y[i] = (one < other) == (lesser != 0) ? one : other;
    }
}

#endif
