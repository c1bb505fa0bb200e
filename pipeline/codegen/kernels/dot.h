#ifndef EDGESTILL_DOT_H
#define EDGESTILL_DOT_H
#include "instructions.h"

/* sum + the products of `count` bytes at any addresses: four at a time where an instruction takes two. */
KERNEL int32_t dot(const int8_t *a, const int8_t *b, int32_t count, int32_t sum) {
    int32_t i = 0;
#if KERNEL_DSP
    for (; i + 4 <= count; i += 4) {
        const uint32_t x = word_at(a + i), w = word_at(b + i);
        const uint32_t even = dot_pair(even_bytes(x), even_bytes(w), (uint32_t)sum);
        sum = (int32_t)dot_pair(odd_bytes(x), odd_bytes(w), even);
    }
#endif
    for (; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

#endif
