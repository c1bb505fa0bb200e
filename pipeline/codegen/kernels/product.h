#ifndef EDGESTILL_PRODUCT_H
#define EDGESTILL_PRODUCT_H
#include "fixed_point.h"

/* `matrices` times a (rows, terms) by b, whose value for term t of column c is b[t * b_term + c * b_column]. */
static inline void matrix_products(const int8_t *a, int32_t a_zero_point, const int8_t *b, int32_t b_zero_point,
                                   uint32_t matrices, uint32_t rows, uint32_t terms, uint32_t columns, uint32_t b_term,
                                   uint32_t b_column, int32_t multiplier, int32_t shift, int32_t zero_point,
                                   int8_t *y) {
    for (uint32_t m = 0; m < matrices; m++, b += terms * columns) {
        for (uint32_t r = 0; r < rows; r++, a += terms) {
            for (uint32_t c = 0; c < columns; c++) {
                const int8_t *const column = b + c * b_column;
                int32_t sum = 0;
                for (uint32_t t = 0; t < terms; t++) {
                    sum += (a[t] - a_zero_point) * (column[t * b_term] - b_zero_point);
                }
                *y++ = (int8_t)clamped(scaled(sum, multiplier, shift) + zero_point, -128, 127);
            }
        }
    }
}

#endif
