#ifndef EDGESTILL_TRANSPOSED_H
#define EDGESTILL_TRANSPOSED_H
#include "fixed_point.h"

/* The least tap from which on, in steps of the stride, the inputs of an output position lie. */
static inline uint32_t first_tap(uint32_t position, uint32_t stride) {
    return position % stride;
}

/* The transposed convolution of x (height, width, channels) by weights (outputs, kernel_height, kernel_width,
 * channels), gathered: an output at (i, j) is met by tap (k, l) of the input at ((i + top - k) / stride_down,
 * (j + left - l) / stride_right), where both are whole and inside. `step` is 1 for one multiplier a channel, else 0. */
static inline void transposed_convolution(
    const int8_t *x, int32_t x_zero_point, uint32_t height, uint32_t width, uint32_t channels, const int8_t *weights,
    uint32_t outputs, uint32_t kernel_height, uint32_t kernel_width, uint32_t stride_down, uint32_t stride_right,
    uint32_t top, uint32_t left, const int32_t *bias, const int32_t *multiplier, const int32_t *shift, uint32_t step,
    int32_t zero_point, int32_t least, int32_t greatest, uint32_t rows, uint32_t columns, int8_t *y) {
    for (uint32_t i = top; i < top + rows; i++) {
        for (uint32_t j = left; j < left + columns; j++) {
            for (uint32_t o = 0; o < outputs; o++) {
                int32_t sum = bias[o];
                for (uint32_t k = first_tap(i, stride_down); k < kernel_height && k <= i; k += stride_down) {
                    const uint32_t row = (i - k) / stride_down;
                    for (uint32_t l = first_tap(j, stride_right); l < kernel_width && l <= j; l += stride_right) {
                        const uint32_t column = (j - l) / stride_right;
                        if (row < height && column < width) {
                            const int8_t *const from = x + (row * width + column) * channels;
                            const int8_t *const w = weights + ((o * kernel_height + k) * kernel_width + l) * channels;
                            for (uint32_t c = 0; c < channels; c++) {
                                sum += (from[c] - x_zero_point) * w[c];
                            }
                        }
                    }
                }
                const int32_t found = scaled(sum, multiplier[o * step], shift[o * step]);
                *y++ = (int8_t)clamped(found + zero_point, least, greatest);
            }
        }
    }
}

#endif
