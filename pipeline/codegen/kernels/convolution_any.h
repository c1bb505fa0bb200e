#ifndef EDGESTILL_CONVOLUTION_ANY_H
#define EDGESTILL_CONVOLUTION_ANY_H
#include "dot.h"
#include "fixed_point.h"
#include "grouped_window.h"

/* Any convolution, in groups too; weights (outputs, window height, window width, group's channels). The plain way, for
 * what has no faster one. */

/* `sum` + the products of a window; outside of the input its zero point stands. */
static inline int32_t window_sum(const int8_t *x, const struct grouped_window *w, int32_t top, int32_t left,
                                 const int8_t *weights, int32_t sum) {
    for (int32_t r = 0; r < w->kernel_height; r++) {
        const int32_t row = top + r * w->dilation_height;
        const int8_t *const line = x + row * w->width * w->channels;
        for (int32_t c = 0; c < w->kernel_width; c++, weights += w->depth) {
            const int32_t column = left + c * w->dilation_width;
            if ((uint32_t)row < (uint32_t)w->height && (uint32_t)column < (uint32_t)w->width) {
                sum = dot(line + column * w->channels, weights, w->depth, sum);
            } else {
                for (int32_t k = 0; k < w->depth; k++) {
                    sum += w->input_zero_point * weights[k];
                }
            }
        }
    }
    return sum;
}

static void convolution_any(const int8_t *x, const struct grouped_window *w, const int8_t *weights, const int32_t *bias,
                            const int32_t *multiplier, const int32_t *shift, uint32_t step, int8_t *y) {
    const int32_t size = w->kernel_height * w->kernel_width * w->depth;
    for (int32_t i = 0; i < w->outputs_height; i++) {
        for (int32_t j = 0; j < w->outputs_width; j++) {
            for (int32_t o = 0; o < w->outputs; o++) {
                const int8_t *const group = x + o / w->group_outputs * w->depth;
                const int32_t sum = window_sum(group, w, i * w->stride_height - w->top,
                                               j * w->stride_width - w->left, weights + o * size, bias[o]);
                const int32_t scaled_sum = scaled(sum, multiplier[(uint32_t)o * step], shift[(uint32_t)o * step]);
                *y++ = (int8_t)clamped(scaled_sum + w->zero_point, w->least, w->greatest);
            }
        }
    }
}

#endif
