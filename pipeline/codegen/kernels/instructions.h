#ifndef EDGESTILL_INSTRUCTIONS_H
#define EDGESTILL_INSTRUCTIONS_H
#include <stdint.h>

/* The DSP instructions of Cortex-M4, M7 and M33, and what stands for them elsewhere. Integers are little-endian. */

#if defined(__GNUC__)
#define KERNEL static __attribute__((noinline))
#define KERNEL_INLINE static inline __attribute__((always_inline))
#else
#define KERNEL static
#define KERNEL_INLINE static inline
#endif

/* In a loop that fills memory: without it a compiler may make a call of memset out of the loop. */
#if defined(__GNUC__)
#define KERNEL_LOOP __asm__ volatile("" ::: "memory")
#else
#define KERNEL_LOOP ((void)0)
#endif

#if defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__) && defined(__thumb2__)
#define KERNEL_DSP 1
#else
#define KERNEL_DSP 0
#endif

/* A function of assembly alone, which a compiler must not look through; and the registers that a call may change. */
#if KERNEL_DSP && defined(__clang__)
#define KERNEL_ASM static __attribute__((naked, noinline))
#elif KERNEL_DSP
#define KERNEL_ASM static __attribute__((naked, noipa))
#endif
#define KERNEL_CHANGED "r0", "r1", "r2", "r3", "r12", "memory", "cc"
#define KERNEL_UNSEEN __attribute__((unused)) /* an argument, by assembly's reader */

/* Four bytes at any address, the first one lowest; a compiler makes one load of it where a core allows that. */
static inline uint32_t word_at(const int8_t *at) {
    const uint8_t *const b = (const uint8_t *)at;
    return b[0] | ((uint32_t)b[1] << 8) | ((uint32_t)b[2] << 16) | ((uint32_t)b[3] << 24);
}

static inline int32_t low_half(uint32_t pair) { return (int16_t)(pair & 0xffffu); }
static inline int32_t high_half(uint32_t pair) { return (int16_t)(pair >> 16); }

/* Bytes 0 and 2 of a word as a pair of halves. */
static inline uint32_t even_bytes(uint32_t word) {
#if KERNEL_DSP
    uint32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(word));
    return pair;
#else
    const uint32_t low = (uint32_t)(int8_t)(word & 0xffu), high = (uint32_t)(int8_t)((word >> 16) & 0xffu);
    return (low & 0xffffu) | (high << 16);
#endif
}

/* Bytes 1 and 3 likewise. */
static inline uint32_t odd_bytes(uint32_t word) {
#if KERNEL_DSP
    uint32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
#else
    return even_bytes(word >> 8);
#endif
}

/* sum + both products of two pairs of halves, modulo 2^32. */
static inline uint32_t dot_pair(uint32_t a, uint32_t b, uint32_t sum) {
#if KERNEL_DSP
    uint32_t made;
    __asm__("smlad %0, %1, %2, %3" : "=r"(made) : "r"(a), "r"(b), "r"(sum));
    return made;
#else
    return sum + (uint32_t)(low_half(a) * low_half(b)) + (uint32_t)(high_half(a) * high_half(b));
#endif
}

/* The upper half of the 64-bit a * b, rounded down. */
static inline int32_t upper_product(int32_t a, int32_t b) {
#if defined(__thumb__) && !defined(__thumb2__) /* no long products: four short ones, Hacker's Delight 8-2 */
    const uint32_t a0 = (uint32_t)a & 0xffffu, b0 = (uint32_t)b & 0xffffu;
    const int32_t a1 = a >> 16, b1 = b >> 16;
    const int32_t middle = a1 * (int32_t)b0 + (int32_t)((a0 * b0) >> 16);
    const int32_t other = (int32_t)a0 * b1 + (int32_t)((uint32_t)middle & 0xffffu);
    return a1 * b1 + (middle >> 16) + (other >> 16);
#else
    return (int32_t)(((int64_t)a * b) >> 32);
#endif
}

/* high + the upper half of the 64-bit a * b, rounded down. */
static inline int32_t high_product(int32_t a, int32_t b, int32_t high) {
    return (int32_t)((uint32_t)high + (uint32_t)upper_product(a, b));
}

static inline int32_t saturated(int32_t x) {
#if KERNEL_DSP
    int32_t made;
    __asm__("ssat %0, #8, %1" : "=r"(made) : "r"(x));
    return made;
#else
    return x < -128 ? -128 : x > 127 ? 127 : x;
#endif
}

#endif
