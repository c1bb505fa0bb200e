#ifndef EDGESTILL_MAX_POOL_H
#define EDGESTILL_MAX_POOL_H
#include "pool.h"

/* The greater of each of four pairs of bytes. */
static inline uint32_t greater_bytes(uint32_t a, uint32_t b) {
#if KERNEL_DSP
    uint32_t made;
    __asm__("ssub8 %0, %1, %2\n sel %0, %1, %2" : "=&r"(made) : "r"(a), "r"(b) : "cc");
    return made;
#else
    uint32_t made = 0;
    for (uint32_t shift = 0; shift < 32u; shift += 8u) {
        const int8_t one = (int8_t)((a >> shift) & 255u), other = (int8_t)((b >> shift) & 255u);
        made |= (uint32_t)(uint8_t)(one > other ? one : other) << shift;
    }
    return made;
#endif
}

static void max_pool(const int8_t *x, const struct pool *p, int8_t *y) {
    const int32_t line = p->width * p->channels, by_words = p->channels / 4 * 4;
    for (int32_t i = 0; i < p->outputs_height; i++) {
        for (int32_t j = 0; j < p->outputs_width; j++) {
            const struct inside in = inside_of(x, p, i, j);
            int32_t c = 0;
            for (; c < by_words; c += 4) {
                uint32_t most = 0x80808080u;
                const int8_t *row = in.at + c;
                for (int32_t r = 0; r < in.rows; r++, row += line) {
                    const int8_t *at = row;
                    for (int32_t k = 0; k < in.columns; k++, at += p->channels) {
                        most = greater_bytes(most, word_at(at));
                    }
                }
                for (uint32_t shift = 0; shift < 32u; shift += 8u) {
                    *y++ = (int8_t)pool_limit((int8_t)((most >> shift) & 255u), p->least, p->greatest);
                }
            }
            for (; c < p->channels; c++) {
                int32_t most = -128;
                for (int32_t r = 0; r < in.rows; r++) {
                    for (int32_t k = 0; k < in.columns; k++) {
                        const int32_t value = in.at[r * line + k * p->channels + c];
                        most = value > most ? value : most;
                    }
                }
                *y++ = (int8_t)pool_limit(most, p->least, p->greatest);
            }
        }
    }
}

#endif
