#ifndef EDGESTILL_DEPTHWISE_ANY_H
#define EDGESTILL_DEPTHWISE_ANY_H
#include "fixed_point.h"
#include "grouped_window.h"
#include "instructions.h"

/* A depthwise convolution with any window, four channels at a time; weights (window height, window width, channels).
 * Where a window reaches over an edge the zero point stands. */
static inline const int8_t *tap_at(const int8_t *x, const struct grouped_window *w, int32_t row, int32_t column) {
    const int32_t inside = (uint32_t)row < (uint32_t)w->height && (uint32_t)column < (uint32_t)w->width;
    return inside ? x + (row * w->width + column) * w->channels : 0;
}

static inline int8_t depthwise_output(int32_t sum, const struct grouped_window *w, int32_t multiplier, int32_t shift) {
    return (int8_t)clamped(scaled(sum, multiplier, shift) + w->zero_point, w->least, w->greatest);
}

/* The sums of four channels, which begin at byte c of a position. */
KERNEL void four_sums(const int8_t *x, const struct grouped_window *w, int32_t top, int32_t left, int32_t c,
                      const int8_t *taps, int32_t sums[4]) {
    const uint32_t zeros = ((uint32_t)w->input_zero_point & 255u) * 0x01010101u;
    int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    const int32_t step = w->dilation_width * w->channels;
    for (int32_t r = 0, row = top; r < w->kernel_height; r++, row += w->dilation_height) {
        const uint32_t width = (uint32_t)row < (uint32_t)w->height ? (uint32_t)w->width : 0;
        int32_t at = (row * w->width + left) * w->channels + c;
        uint32_t column = (uint32_t)left;
        for (int32_t k = w->kernel_width; k > 0; k--, taps += w->channels, at += step) {
            const uint32_t values = column < width ? word_at(x + at) : zeros, by = word_at(taps + c);
            column += (uint32_t)w->dilation_width;
            const uint32_t even = even_bytes(values), even_taps = even_bytes(by);
            s0 += low_half(even) * low_half(even_taps);
            s2 += high_half(even) * high_half(even_taps);
            const uint32_t odd = odd_bytes(values), odd_taps = odd_bytes(by);
            s1 += low_half(odd) * low_half(odd_taps);
            s3 += high_half(odd) * high_half(odd_taps);
        }
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static inline int32_t one_sum(const int8_t *x, const struct grouped_window *w, int32_t top, int32_t left, int32_t c,
                              const int8_t *taps, int32_t sum) {
    for (int32_t r = 0; r < w->kernel_height; r++) {
        for (int32_t k = 0; k < w->kernel_width; k++, taps += w->channels) {
            const int8_t *const at = tap_at(x, w, top + r * w->dilation_height, left + k * w->dilation_width);
            sum += (at ? at[c] : w->input_zero_point) * taps[c];
        }
    }
    return sum;
}

static void depthwise_any(const int8_t *x, const struct grouped_window *w, const int8_t *weights, const int32_t *bias,
                          const int32_t *multiplier, const int32_t *shift, uint32_t step, int8_t *y) {
    for (int32_t i = 0; i < w->outputs_height; i++) {
        for (int32_t j = 0; j < w->outputs_width; j++, y += w->channels) {
            const int32_t top = i * w->stride_height - w->top, left = j * w->stride_width - w->left;
            int32_t sums[4], at_once;
            for (int32_t c = 0; c < w->channels; c += at_once) {
                at_once = c + 4 <= w->channels ? 4 : 1;
                for (int32_t k = 0; k < at_once; k++) {
                    sums[k] = bias[c + k];
                }
                if (at_once == 4) {
                    four_sums(x, w, top, left, c, weights, sums);
                } else {
                    sums[0] = one_sum(x, w, top, left, c, weights, sums[0]);
                }
                for (int32_t k = 0; k < at_once; k++) {
                    const uint32_t own = (uint32_t)(c + k) * step;
                    y[c + k] = depthwise_output(sums[k], w, multiplier[own], shift[own]);
                }
            }
        }
    }
}

#endif
