#ifndef EDGESTILL_BYTE_SUMS_H
#define EDGESTILL_BYTE_SUMS_H
#include "instructions.h"

/* Two sums of 16 bits and bytes 0 and 2 of a word; then, bytes 1 and 3. */
static inline uint32_t add_even_bytes(uint32_t sums, uint32_t word) {
#if KERNEL_DSP
    uint32_t made;
    __asm__("sxtab16 %0, %1, %2" : "=r"(made) : "r"(sums), "r"(word));
    return made;
#else
    const uint32_t pair = even_bytes(word);
    return ((sums + pair) & 0xffffu) | ((sums & 0xffff0000u) + (pair & 0xffff0000u));
#endif
}

static inline uint32_t add_odd_bytes(uint32_t sums, uint32_t word) {
#if KERNEL_DSP
    uint32_t made;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(made) : "r"(sums), "r"(word));
    return made;
#else
    return add_even_bytes(sums, word >> 8);
#endif
}

#endif
