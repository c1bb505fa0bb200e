#ifndef EDGESTILL_MATMUL_H
#define EDGESTILL_MATMUL_H
#include "instructions.h"

/* A matrix product on tiles of three rows of activations by two outputs, with 16 instructions for 24 products.
 *
 * Four activations b0 b1 b2 b3, the bytes of a word, become the pairs (b0, b2) and (b1, b3), once for all outputs. The
 * four weights that meet them are kept as two words of halves, (256 w0, 256 w2) and (256 w1, 256 w3): a dual product
 * each, and no sign to extend. No whole sum leaves 24 bits: whoever packs sees to it.
 *
 * A sum s, times 256 as it is kept, becomes an output in two steps. TFLite's two roundings of s * m / 2^31 / 2^e are
 * one floor when ties may go up, for a floor of a floor is a floor of the whole:
 *     (s * m + 2^30 + 2^31 * (2^(e - 1) + (zero point << e))) >> (31 + e).
 * The constant is a multiple of 2^24, so that with 256 s it lies in the upper word of the 64-bit sum.
 *
 * Packed, a pair of outputs is: their two start values; per four terms the first word of the one and of the other, and
 * the second words; then of each its multiplier, constant and shift. Above the second's shift stands how far on the
 * next pair lies from it: 1, or 0 where the number of outputs is odd and the last pair computes an output again. */

/* Three endings: RELU, whose least output is the zero point, -128: negative ties may go up, for they are cut off;
 * SIGNED, where negative ties go down; CLAMPED, the same between two limits. Each is a header of its own. */

/* Three rows of `steps` words each, at any addresses, in the order in which tiles read them; returns their end. */
#if KERNEL_DSP
KERNEL_ASM uint32_t *expand(const int8_t *const rows[3] KERNEL_UNSEEN, uint32_t steps KERNEL_UNSEEN,
                            uint32_t *to KERNEL_UNSEEN) {
    __asm__ volatile("push {r4-r11, lr}\n ldmia r0, {r8, r9, r10}\n add r11, r8, r1, lsl #2\n mov r0, r2\n"
            "1:\n ldr r4, [r8], #4\n ldr r5, [r9], #4\n ldr r6, [r10], #4\n"
            "sxtb16 r1, r4\n sxtb16 r2, r5\n sxtb16 r3, r6\n"
            "sxtb16 r4, r4, ror #8\n sxtb16 r5, r5, ror #8\n sxtb16 r6, r6, ror #8\n"
            "stmia r0!, {r1, r2, r3, r4, r5, r6}\n cmp r8, r11\n bne 1b\n pop {r4-r11, pc}\n" ::: KERNEL_CHANGED);
}
#else
static uint32_t *expand(const int8_t *const rows[3], uint32_t steps, uint32_t *to) {
    int16_t *half = (int16_t *)to;
    for (uint32_t i = 0; i < 4u * steps; i += 4u, half += 12) {
        for (uint32_t r = 0; r < 3u; r++) {
            const int8_t *const b = rows[r] + i;
            half[2u * r] = b[0];
            half[2u * r + 1u] = b[2];
            half[2u * r + 6u] = b[1];
            half[2u * r + 7u] = b[3];
        }
    }
    return to + 6u * steps;
}
#endif

/* A tile: its rows, expanded; the packed outputs; where the outputs go: the first row's, and how far from there the
 * second's and the third's lie. Rows that are not there lie at distance 0: the first row is written last. */
struct tile {
    const uint32_t *weights;
    int8_t *y;
    const uint32_t *rows, *rows_end, *weights_end;
    uint32_t skipped; /* bytes of code: see steps_skipped */
    int32_t second, third, least, greatest;
};

/* Sixteen steps of 64 bytes are unrolled; the first turn leaves out so many that the rest is whole turns. */
static inline uint32_t steps_skipped(uint32_t steps) { return 64u * ((16u - steps % 16u) % 16u); }

#if KERNEL_DSP
/* Sums r4..r9, weights r10 and r11 from r0 on, activations r1 r2 r3 from r12 on, outputs to lr; the stack holds rows,
 * rows_end, weights_end, the entry, second, third, least, greatest. */
#define MATMUL_PRODUCTS \
    "smlad r4, r1, r10, r4\n smlad r5, r2, r10, r5\n smlad r6, r3, r10, r6\n" \
    "smlad r7, r1, r11, r7\n smlad r8, r2, r11, r8\n smlad r9, r3, r11, r9\n"
#define MATMUL_HALF "ldrd r10, r11, [r0], #8\n ldmia.w r12!, {r1, r2, r3}\n" MATMUL_PRODUCTS
#define MATMUL_4_HALVES MATMUL_HALF MATMUL_HALF MATMUL_HALF MATMUL_HALF
#define MATMUL_8_STEPS MATMUL_4_HALVES MATMUL_4_HALVES MATMUL_4_HALVES MATMUL_4_HALVES
#define MATMUL_TURN MATMUL_8_STEPS MATMUL_8_STEPS
#define MATMUL_RELU(s) "smmla " s ", " s ", r1, r2\n asr " s ", " s ", r3\n ssat " s ", #8, " s "\n"
#define MATMUL_SIGNED(s) \
    "smmla " s ", " s ", r1, r12\n lsr r10, " s ", #31\n sub " s ", " s ", r10, lsl #7\n add " s ", " s ", r2\n" \
    "asr " s ", " s ", r3\n ssat " s ", #8, " s "\n"
#define MATMUL_LIMIT(s) \
    "cmp " s ", r10\n it lt\n movlt " s ", r10\n cmp " s ", r11\n it gt\n movgt " s ", r11\n"
#define MATMUL_FINISH_RELU(a, b, c) MATMUL_RELU(a) MATMUL_RELU(b) MATMUL_RELU(c)
#define MATMUL_FINISH_SIGNED(a, b, c) "mov r12, #64\n" MATMUL_SIGNED(a) MATMUL_SIGNED(b) MATMUL_SIGNED(c)
#define MATMUL_FINISH_CLAMPED(a, b, c) \
    MATMUL_FINISH_SIGNED(a, b, c) \
    "ldrd r10, r11, [sp, #24]\n" MATMUL_LIMIT(a) MATMUL_LIMIT(b) MATMUL_LIMIT(c)
#define MATMUL_STORE(b, c) "ldrd r10, r11, [sp, #16]\n strb " b ", [lr, r10]\n strb " c ", [lr, r11]\n"
#define MATMUL(name, FINISH) \
    KERNEL_ASM void name(const struct tile *tile KERNEL_UNSEEN) { \
        __asm__ volatile("push {r4-r11, lr}\n ldmia r0, {r0-r9}\n mov lr, r1\n" \
                "adr r10, 1f\n add r5, r5, r10\n add r5, r5, #1\n push {r2-r9}\n" \
                "0:\n ldrd r4, r7, [r0], #8\n ldr r12, [sp]\n mov r5, r4\n mov r6, r4\n mov r8, r7\n mov r9, r7\n" \
                "ldr pc, [sp, #12]\n .balign 4\n" \
                "1:\n" MATMUL_TURN "ldr r10, [sp, #4]\n cmp r12, r10\n bne 1b\n" \
                "ldmia r0!, {r1, r2, r3}\n" MATMUL_FINISH_##FINISH("r4", "r5", "r6") MATMUL_STORE("r5", "r6") \
                "strb r4, [lr], #1\n" \
                "ldmia r0!, {r1, r2, r3}\n" MATMUL_FINISH_##FINISH("r7", "r8", "r9") MATMUL_STORE("r8", "r9") \
                "strb r7, [lr]\n" \
                "ldr r10, [sp, #8]\n add lr, lr, r3, lsr #8\n cmp r0, r10\n bne 0b\n" \
                "add sp, sp, #32\n pop {r4-r11, pc}\n" ::: KERNEL_CHANGED); \
    }
#else
enum finish { RELU, SIGNED, CLAMPED };

static inline int8_t finished(uint32_t sum, const uint32_t *w, enum finish finish, const struct tile *tile) {
    const int32_t multiplier = (int32_t)w[0], constant = (int32_t)w[1], shift = (int32_t)(w[2] & 255u);
    int32_t v = high_product((int32_t)sum, multiplier, finish == RELU ? constant : 64);
    if (finish != RELU) {
        v += constant - (v < 0 ? 128 : 0);
    }
    v = saturated(v >> shift);
    if (finish == CLAMPED) {
        v = v < tile->least ? tile->least : v > tile->greatest ? tile->greatest : v;
    }
    return (int8_t)v;
}

/* The sums of three rows with one of the two outputs, whose words lie two apart. */
static inline void matmul_sums(const struct tile *tile, const uint32_t *w, uint32_t sums[3]) {
    uint32_t s0 = sums[0], s1 = s0, s2 = s0;
    const int16_t *const end = (const int16_t *)tile->rows_end;
    for (const int16_t *x = (const int16_t *)tile->rows; x != end; x += 12, w += 4) {
        const int32_t v0 = low_half(w[0]), v1 = high_half(w[0]), f0 = low_half(w[2]), f1 = high_half(w[2]);
        s0 += (uint32_t)(x[0] * v0) + (uint32_t)(x[1] * v1) + (uint32_t)(x[6] * f0) + (uint32_t)(x[7] * f1);
        s1 += (uint32_t)(x[2] * v0) + (uint32_t)(x[3] * v1) + (uint32_t)(x[8] * f0) + (uint32_t)(x[9] * f1);
        s2 += (uint32_t)(x[4] * v0) + (uint32_t)(x[5] * v1) + (uint32_t)(x[10] * f0) + (uint32_t)(x[11] * f1);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
}

KERNEL_INLINE void matmul(const struct tile *tile, enum finish finish) {
    const uint32_t words = (uint32_t)(tile->rows_end - tile->rows) / 3u * 2u;
    int8_t *y = tile->y;
    for (const uint32_t *w = tile->weights; w != tile->weights_end; w += words + 8u) {
        for (uint32_t o = 0; o < 2u; o++) {
            const uint32_t *const ending = w + words + 2u + 3u * o;
            uint32_t sums[3] = {w[o], 0, 0};
            matmul_sums(tile, w + 2u + o, sums);
            y[tile->second] = finished(sums[1], ending, finish, tile);
            y[tile->third] = finished(sums[2], ending, finish, tile);
            *y = finished(sums[0], ending, finish, tile);
            y += o ? ending[2] >> 8 : 1u;
        }
    }
}
#define MATMUL(name, FINISH) \
    KERNEL void name(const struct tile *tile) { matmul(tile, FINISH); }
#endif

#endif
