#ifndef EDGESTILL_MEAN_POSITIONS_H
#define EDGESTILL_MEAN_POSITIONS_H
#include "byte_sums.h"
#include "fixed_point.h"

/* What turns a sum into a mean: `offset` takes the zero points off. */
struct mean_scale {
    int32_t offset, multiplier, shift, zero_point;
};

static inline int8_t scaled_mean(int32_t sum, const struct mean_scale *by) {
    return (int8_t)clamped(scaled(sum + by->offset, by->multiplier, by->shift) + by->zero_point, -128, 127);
}

/* The mean over `count` positions, channels last: four channels at a time, 256 positions in sums of 16 bits. */
static void mean_positions(const int8_t *x, int32_t count, int32_t channels, struct mean_scale by, int8_t *y) {
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4) {
        int32_t sums[4] = {0, 0, 0, 0};
        const int8_t *at = x + c;
        for (int32_t left = count; left > 0; left -= 256) {
            uint32_t even = 0, odd = 0;
            for (int32_t k = left < 256 ? left : 256; k > 0; k--, at += channels) {
                const uint32_t word = word_at(at);
                even = add_even_bytes(even, word);
                odd = add_odd_bytes(odd, word);
            }
            sums[0] += low_half(even);
            sums[1] += low_half(odd);
            sums[2] += high_half(even);
            sums[3] += high_half(odd);
        }
        for (int32_t k = 0; k < 4; k++) {
            y[c + k] = scaled_mean(sums[k], &by);
        }
    }
    for (; c < channels; c++) {
        int32_t sum = 0;
        for (int32_t k = 0; k < count; k++) {
            sum += x[k * channels + c];
        }
        y[c] = scaled_mean(sum, &by);
    }
}

#endif
