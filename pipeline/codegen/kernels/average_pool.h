#ifndef EDGESTILL_AVERAGE_POOL_H
#define EDGESTILL_AVERAGE_POOL_H
#include "byte_sums.h"
#include "pool.h"

/* TFLite's mean: to the nearest, ties away from zero. */
static inline int8_t mean_of(int32_t sum, int32_t count, const struct pool *p) {
    const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
    return (int8_t)pool_limit(mean, p->least, p->greatest);
}

static void average_pool(const int8_t *x, const struct pool *p, int8_t *y) {
    const int32_t line = p->width * p->channels;
    const int32_t by_words = p->kernel_height * p->kernel_width <= 256 ? p->channels / 4 * 4 : 0; /* sums of 16 bits */
    for (int32_t i = 0; i < p->outputs_height; i++) {
        for (int32_t j = 0; j < p->outputs_width; j++) {
            const struct inside in = inside_of(x, p, i, j);
            const int32_t count = in.rows * in.columns;
            int32_t c = 0;
            for (; c < by_words; c += 4, y += 4) {
                uint32_t even = 0, odd = 0;
                const int8_t *row = in.at + c;
                for (int32_t r = 0; r < in.rows; r++, row += line) {
                    const int8_t *at = row;
                    for (int32_t k = 0; k < in.columns; k++, at += p->channels) {
                        const uint32_t word = word_at(at);
                        even = add_even_bytes(even, word);
                        odd = add_odd_bytes(odd, word);
                    }
                }
                y[0] = mean_of(low_half(even), count, p);
                y[1] = mean_of(low_half(odd), count, p);
                y[2] = mean_of(high_half(even), count, p);
                y[3] = mean_of(high_half(odd), count, p);
            }
            for (; c < p->channels; c++) {
                int32_t sum = 0;
                for (int32_t r = 0; r < in.rows; r++) {
                    for (int32_t k = 0; k < in.columns; k++) {
                        sum += in.at[r * line + k * p->channels + c];
                    }
                }
                *y++ = mean_of(sum, count, p);
            }
        }
    }
}

#endif
