#ifndef EDGESTILL_PRODUCT_H
#define EDGESTILL_PRODUCT_H
#include "fixed_point.h"
#include "instructions.h"

/* The sum of (a[t] - a_zero_point) * (b[t * step] - b_zero_point); `of_a` is the sum of a[t]. */
KERNEL_INLINE int32_t dot_product(const int8_t *a, int32_t a_zero_point, int32_t of_a, const int8_t *b,
                                  int32_t b_zero_point, uint32_t step, uint32_t terms) {
    int32_t sum = 0;
    uint32_t t = 0;
#if KERNEL_DSP
    if (step == 1) { /* four terms at once; what the zero points add is told by the sums of a and of b */
        uint32_t products = 0, of_b = 0;
        for (; t + 4 <= terms; t += 4) {
            const uint32_t a_word = word_at(a + t), b_word = word_at(b + t);
            const uint32_t b_even = even_bytes(b_word), b_odd = odd_bytes(b_word);
            products = dot_pair(even_bytes(a_word), b_even, products);
            products = dot_pair(odd_bytes(a_word), b_odd, products);
            of_b = dot_pair(b_even, 0x10001u, dot_pair(b_odd, 0x10001u, of_b));
        }
        for (uint32_t rest = t; rest < terms; rest++) {
            of_a -= a[rest];
        }
        sum = (int32_t)products - a_zero_point * (int32_t)of_b - b_zero_point * (of_a - (int32_t)t * a_zero_point);
    }
#else
    (void)of_a;
#endif
    for (; t < terms; t++) {
        sum += (a[t] - a_zero_point) * (b[t * step] - b_zero_point);
    }
    return sum;
}

/* `matrices` times a (rows, terms) by b, whose value for term t of column c is b[t * b_term + c * b_column]. */
KERNEL_INLINE void matrix_products(const int8_t *a, int32_t a_zero_point, const int8_t *b, int32_t b_zero_point,
                                   uint32_t matrices, uint32_t rows, uint32_t terms, uint32_t columns, uint32_t b_term,
                                   uint32_t b_column, int32_t multiplier, int32_t shift, int32_t zero_point,
                                   int8_t *y) {
    for (uint32_t m = 0; m < matrices; m++, b += terms * columns) {
        for (uint32_t r = 0; r < rows; r++, a += terms) {
            int32_t of_a = 0;
            for (uint32_t t = 0; t < terms; t++) {
                of_a += a[t];
            }
            for (uint32_t c = 0; c < columns; c++) {
                const int32_t sum = dot_product(a, a_zero_point, of_a, b + c * b_column, b_zero_point, b_term, terms);
                *y++ = (int8_t)clamped(scaled(sum, multiplier, shift) + zero_point, -128, 127);
            }
        }
    }
}

#endif
