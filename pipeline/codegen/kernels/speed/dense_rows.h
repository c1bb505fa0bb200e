#ifndef EDGESTILL_DENSE_ROWS_H
#define EDGESTILL_DENSE_ROWS_H
#include "instructions.h"

/* One row of activations against every row of the weights, four outputs at a time, with 13 instructions for 16 products:
 * the arithmetic of matmul.h, with the activations split as they are read.
 *
 * Packed, four outputs are: their start values; per four terms the first word of each, then the second of each; then,
 * where each output has its own, of each its multiplier, constant and shift. */
struct dense {
    const uint32_t *weights;
    int8_t *y;
    int32_t multiplier, constant, shift; /* where all outputs have the same */
    const int8_t *x, *x_end;
    const uint32_t *weights_end;
    uint32_t skipped; /* bytes of code */
    int32_t least, greatest;
};

#if KERNEL_DSP
/* Sums r4..r7, weights r8..r11 from r0 on, activations r1 and r2 from r12 on, outputs to lr; the
 * stack holds multiplier, constant, shift, x, x_end, weights_end, the entry, least, greatest. */
#define DENSE_STEP \
    "ldr r1, [r12], #4\n ldmia r0!, {r8-r11}\n sxtb16 r2, r1\n sxtb16 r1, r1, ror #8\n" \
    "smlad r4, r2, r8, r4\n smlad r5, r2, r9, r5\n smlad r6, r2, r10, r6\n smlad r7, r2, r11, r7\n" \
    "ldmia r0!, {r8-r11}\n" \
    "smlad r4, r1, r8, r4\n smlad r5, r1, r9, r5\n smlad r6, r1, r10, r6\n smlad r7, r1, r11, r7\n"
#define DENSE_4_STEPS DENSE_STEP DENSE_STEP DENSE_STEP DENSE_STEP
#define DENSE_TURN DENSE_4_STEPS DENSE_4_STEPS DENSE_4_STEPS DENSE_4_STEPS
#define DENSE_RELU(s) "smmla " s ", " s ", r8, r9\n asr " s ", " s ", r10\n ssat " s ", #8, " s "\n"
#define DENSE_SIGNED(s) \
    "smmla " s ", " s ", r8, r11\n lsr r1, " s ", #31\n sub " s ", " s ", r1, lsl #7\n add " s ", " s ", r9\n" \
    "asr " s ", " s ", r10\n ssat " s ", #8, " s "\n"
#define DENSE_CLAMPED(s) \
    DENSE_SIGNED(s) "ldrd r1, r2, [sp, #28]\n cmp " s ", r1\n it lt\n movlt " s ", r1\n" \
    "cmp " s ", r2\n it gt\n movgt " s ", r2\n"
#define DENSE_ONE "ldmia sp, {r8, r9, r10}\n mov r11, #64\n"
#define DENSE_EACH "ldmia r0!, {r8, r9, r10}\n"
#define DENSE_STORE(s) "strb " s ", [lr], #1\n"
#define DENSE_END_ONE(F) \
    DENSE_ONE F("r4") F("r5") F("r6") F("r7") DENSE_STORE("r4") DENSE_STORE("r5") DENSE_STORE("r6") DENSE_STORE("r7")
#define DENSE_END_EACH(F) \
    DENSE_ONE DENSE_EACH F("r4") DENSE_STORE("r4") DENSE_EACH F("r5") DENSE_STORE("r5") \
    DENSE_EACH F("r6") DENSE_STORE("r6") DENSE_EACH F("r7") DENSE_STORE("r7")
#define DENSE(name, FINISH, WHOSE) \
    KERNEL_UNSEEN KERNEL_ASM void name(const struct dense *dense KERNEL_UNSEEN) { \
        __asm__ volatile("push {r4-r11, lr}\n ldmia r0!, {r1, lr}\n ldmia r0, {r2-r10}\n mov r0, r1\n" \
                         "adr r11, 1f\n add r8, r8, r11\n add r8, r8, #1\n push {r2-r10}\n" \
                         "0:\n ldmia r0!, {r4-r7}\n ldr r12, [sp, #12]\n ldr pc, [sp, #24]\n .balign 4\n" \
                         "1:\n" DENSE_TURN "ldr r8, [sp, #16]\n cmp r12, r8\n bne 1b\n" \
                         DENSE_END_##WHOSE(DENSE_##FINISH) "ldr r8, [sp, #20]\n cmp r0, r8\n bne 0b\n" \
                         "add sp, sp, #36\n pop {r4-r11, pc}\n" ::: KERNEL_CHANGED); \
    }
#else
enum dense_finish { DENSE_RELU, DENSE_SIGNED, DENSE_CLAMPED };
enum dense_whose { DENSE_ONE, DENSE_EACH };

static inline int8_t dense_output(uint32_t sum, int32_t multiplier, int32_t constant, int32_t shift,
                                  enum dense_finish finish, const struct dense *d) {
    int32_t v = high_product((int32_t)sum, multiplier, finish == DENSE_RELU ? constant : 64);
    if (finish != DENSE_RELU) {
        v += constant - (v < 0 ? 128 : 0);
    }
    v = saturated(v >> shift);
    if (finish == DENSE_CLAMPED) {
        v = v < d->least ? d->least : v > d->greatest ? d->greatest : v;
    }
    return (int8_t)v;
}

KERNEL_INLINE void dense_rows(const struct dense *d, enum dense_finish finish, enum dense_whose whose) {
    int8_t *y = d->y;
    for (const uint32_t *w = d->weights; w != d->weights_end;) {
        uint32_t s0 = w[0], s1 = w[1], s2 = w[2], s3 = w[3];
        w += 4;
        for (const int8_t *x = d->x; x != d->x_end; x += 4, w += 8) {
            const uint32_t word = word_at(x), a = even_bytes(word), b = odd_bytes(word);
            s0 = dot_pair(b, w[4], dot_pair(a, w[0], s0));
            s1 = dot_pair(b, w[5], dot_pair(a, w[1], s1));
            s2 = dot_pair(b, w[6], dot_pair(a, w[2], s2));
            s3 = dot_pair(b, w[7], dot_pair(a, w[3], s3));
        }
        const uint32_t sums[4] = {s0, s1, s2, s3};
        for (uint32_t o = 0; o < 4u; o++) {
            if (whose == DENSE_EACH) {
                *y++ = dense_output(sums[o], (int32_t)w[0], (int32_t)w[1], (int32_t)w[2], finish, d);
                w += 3;
            } else {
                *y++ = dense_output(sums[o], d->multiplier, d->constant, d->shift, finish, d);
            }
        }
    }
}
#define DENSE(name, FINISH, WHOSE) \
    KERNEL_UNSEEN KERNEL void name(const struct dense *dense) { dense_rows(dense, DENSE_##FINISH, DENSE_##WHOSE); }
#endif

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
#endif
/* A compiler keeps those that are called. */
DENSE(dense_relu_one, RELU, ONE)
DENSE(dense_relu_each, RELU, EACH)
DENSE(dense_signed_one, SIGNED, ONE)
DENSE(dense_signed_each, SIGNED, EACH)
DENSE(dense_clamped_one, CLAMPED, ONE)
DENSE(dense_clamped_each, CLAMPED, EACH)
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* All outputs; `words` are those of four. `scratch` holds the terms, rounded up to whole words, where they are not. */
static void dense_all(const int8_t *x, uint32_t terms, uint32_t outputs, uint32_t words, struct dense d, int8_t *scratch,
                      void (*kernel)(const struct dense *)) {
    const uint32_t steps = (terms + 3u) / 4u, rest = outputs % 4u;
    int8_t *const y = d.y + (outputs - rest);
    int8_t last[4];
    if (terms % 4u) {
        for (uint32_t i = 0; i < 4u * steps; i++) {
            scratch[i] = i < terms ? x[i] : 0;
            KERNEL_LOOP;
        }
        x = scratch;
    }
    d.x = x;
    d.x_end = x + 4u * steps;
    d.skipped = 52u * ((16u - steps % 16u) % 16u);
    d.weights_end = d.weights + outputs / 4u * words;
    if (outputs / 4u) {
        kernel(&d);
    }
    if (rest) {
        d.weights = d.weights_end;
        d.weights_end = d.weights + words;
        d.y = last;
        kernel(&d);
        for (uint32_t i = 0; i < rest; i++) {
            y[i] = last[i];
            KERNEL_LOOP;
        }
    }
}

#endif
