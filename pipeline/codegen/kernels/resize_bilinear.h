#ifndef EDGESTILL_RESIZE_BILINEAR_H
#define EDGESTILL_RESIZE_BILINEAR_H
#include "fixed_point.h"

/* Pixels between pixels. Each row i of the output lies between the rows from row_low[i] and row_high[i] on, row_far[i]
 * / 1024 of the way; columns alike. Offsets count values. */
static inline void resize_bilinear(const int8_t *x, const int32_t *row_low, const int32_t *row_high,
                                   const int16_t *row_far, uint32_t rows, const int32_t *column_low,
                                   const int32_t *column_high, const int16_t *column_far, uint32_t columns,
                                   uint32_t channels, int8_t *y) {
    for (uint32_t i = 0; i < rows; i++) {
        const int8_t *const upper = x + row_low[i], *const lower = x + row_high[i];
        const int32_t down = row_far[i], up = 1024 - down;
        for (uint32_t j = 0; j < columns; j++) {
            const int32_t low = column_low[j], high = column_high[j], right = column_far[j], left = 1024 - right;
            for (uint32_t c = 0; c < channels; c++) {
                const int32_t above = upper[low + (int32_t)c] * left + upper[high + (int32_t)c] * right;
                const int32_t below = lower[low + (int32_t)c] * left + lower[high + (int32_t)c] * right;
                *y++ = (int8_t)rounded_shift(above * up + below * down, 20);
            }
        }
    }
}

#endif
