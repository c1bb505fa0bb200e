#ifndef EDGESTILL_DEPTHWISE_H
#define EDGESTILL_DEPTHWISE_H
#include "instructions.h"

/* Depthwise convolution with windows of 3 x 3, a channel at a time. Its plane, or a slab of its rows, is widened to halves
 * with the zero point around it; then strips of up to six outputs (three at stride 2) go down the plane. A row of the
 * window is kept as two pairs, A = (k0, k1) and D = (k1, k2), so that each output takes two instructions of it, whether
 * it begins in the lower or the upper half of a word. The input is read before its place may be written: outputs may
 * lie on the input.
 *
 * Packed, a channel is: three rows of taps k0 k1 k2 as bytes, above them the right shift, how far the taps are shifted
 * left (1 at least, for a doubled sum needs no shift in the high product), and 0; start value; multiplier; constant. */
struct strip {
    const int16_t *plane;
    uint32_t pitch; /* bytes from a row to the next */
    int32_t multiplier, constant, shift;
    int8_t *y;
    int32_t start, channels, channels_3, y_step;
    int8_t *y_end;
    uint32_t taps[6];
    int32_t least, greatest, unused;
};

#if KERNEL_DSP
/* Sums r4..r9, activations r0..r3 from r12 on, taps r10 and r11, lr the pitch; the strip from its multiplier on lies on
 * the stack. */
#define STRIP_S1_O0(start) "smlad r4, r0, r10, " start(r4) "\n smlabt r4, r1, r11, r4\n"
#define STRIP_S1_O1(start) "smlatb r5, r0, r10, " start(r5) "\n smlad r5, r1, r11, r5\n"
#define STRIP_S1_O2(start) "smlad r6, r1, r10, " start(r6) "\n smlabt r6, r2, r11, r6\n"
#define STRIP_S1_O3(start) "smlatb r7, r1, r10, " start(r7) "\n smlad r7, r2, r11, r7\n"
#define STRIP_S1_O4(start) "smlad r8, r2, r10, " start(r8) "\n smlabt r8, r3, r11, r8\n"
#define STRIP_S1_O5(start) "smlatb r9, r2, r10, " start(r9) "\n smlad r9, r3, r11, r9\n"
#define STRIP_S2_O0(start) STRIP_S1_O0(start)
#define STRIP_S2_O1(start) "smlad r5, r1, r10, " start(r5) "\n smlabt r5, r2, r11, r5\n"
#define STRIP_S2_O2(start) "smlad r6, r2, r10, " start(r6) "\n smlabt r6, r3, r11, r6\n"
#define STRIP_FIRST(r) "r9"
#define STRIP_LATER(r) #r
#define STRIP_1(stride, start) STRIP_##stride##_O0(start)
#define STRIP_2(stride, start) STRIP_1(stride, start) STRIP_##stride##_O1(start)
#define STRIP_3(stride, start) STRIP_2(stride, start) STRIP_##stride##_O2(start)
#define STRIP_4(stride, start) STRIP_3(stride, start) STRIP_##stride##_O3(start)
#define STRIP_5(stride, start) STRIP_4(stride, start) STRIP_##stride##_O4(start)
#define STRIP_6(stride, start) STRIP_5(stride, start) STRIP_##stride##_O5(start)
#define STRIP_BACK_S1 "sub r12, r12, lr\n"
#define STRIP_BACK_S2
#define STRIP_RELU(s) "smmlar " s ", " s ", r0, r1\n asr " s ", " s ", r2\n ssat " s ", #8, " s "\n"
#define STRIP_SIGNED(s) \
    "smmulr " s ", " s ", r0\n add " s ", " s ", " s ", asr #31\n add " s ", " s ", r1\n asr " s ", " s ", r2\n" \
    "ssat " s ", #8, " s "\n"
#define STRIP_CLAMPED(s) \
    STRIP_SIGNED(s) "ldr r12, [sp, #60]\n cmp " s ", r12\n it lt\n movlt " s ", r12\n" \
    "ldr r12, [sp, #64]\n cmp " s ", r12\n it gt\n movgt " s ", r12\n"
#define STRIP_END_1(FINISH) FINISH("r4") "strb r4, [r3]\n"
#define STRIP_END_2(FINISH) STRIP_END_1(FINISH) FINISH("r5") "strb r5, [r3, r10]\n"
#define STRIP_END_3(FINISH) STRIP_END_2(FINISH) FINISH("r6") "strb r6, [r3, r10, lsl #1]\n"
#define STRIP_END_4(FINISH) STRIP_END_3(FINISH) FINISH("r7") "add r3, r3, r11\n strb r7, [r3]\n"
#define STRIP_END_5(FINISH) STRIP_END_4(FINISH) FINISH("r8") "strb r8, [r3, r10]\n"
#define STRIP_END_6(FINISH) STRIP_END_5(FINISH) FINISH("r9") "strb r9, [r3, r10, lsl #1]\n"
#define STRIP(name, outputs, stride, FINISH) \
    KERNEL_UNSEEN KERNEL_ASM void name(const struct strip *strip KERNEL_UNSEEN) { \
        __asm__ volatile("push {r4-r11, lr}\n ldmia r0!, {r12, lr}\n sub sp, sp, #72\n mov r11, sp\n" \
                "ldmia r0!, {r1-r9}\n stmia r11!, {r1-r9}\n ldmia r0!, {r1-r9}\n stmia r11!, {r1-r9}\n" \
                "0:\n ldr r9, [sp, #16]\n" \
                "ldmia r12, {r0-r3}\n ldrd r10, r11, [sp, #36]\n add r12, r12, lr\n" STRIP_##outputs(stride, STRIP_FIRST) \
                "ldmia r12, {r0-r3}\n ldrd r10, r11, [sp, #44]\n add r12, r12, lr\n" STRIP_##outputs(stride, STRIP_LATER) \
                "ldmia r12, {r0-r3}\n ldrd r10, r11, [sp, #52]\n" STRIP_BACK_##stride STRIP_##outputs(stride, STRIP_LATER) \
                STRIP_SAVE_##FINISH \
                "ldmia sp, {r0-r3}\n ldrd r10, r11, [sp, #20]\n" STRIP_END_##outputs(STRIP_##FINISH) \
                STRIP_RESTORE_##FINISH \
                "ldrd r10, r11, [sp, #28]\n add r3, r3, r10\n str r3, [sp, #12]\n cmp r3, r11\n bne 0b\n" \
                "add sp, sp, #72\n pop {r4-r11, pc}\n" ::: KERNEL_CHANGED); \
    }
#define STRIP_SAVE_RELU
#define STRIP_SAVE_SIGNED
#define STRIP_SAVE_CLAMPED "str r12, [sp, #68]\n"
#define STRIP_RESTORE_RELU
#define STRIP_RESTORE_SIGNED
#define STRIP_RESTORE_CLAMPED "ldr r12, [sp, #68]\n"
#else
enum strip_finish { STRIP_RELU, STRIP_SIGNED, STRIP_CLAMPED };
enum strip_stride { STRIP_S1 = 1, STRIP_S2 = 2 };

static inline int8_t strip_output(uint32_t sum, const struct strip *s, enum strip_finish finish) {
    const uint32_t low = sum * (uint32_t)s->multiplier;
    int32_t v = high_product((int32_t)sum, s->multiplier, (int32_t)(low >> 31));
    if (finish != STRIP_RELU && v < 0) {
        v--;
    }
    v = saturated((v + s->constant) >> s->shift);
    if (finish == STRIP_CLAMPED) {
        v = v < s->least ? s->least : v > s->greatest ? s->greatest : v;
    }
    return (int8_t)v;
}

KERNEL_INLINE void strip_rows(const struct strip *s, uint32_t outputs, uint32_t stride, enum strip_finish finish) {
    const uint32_t halves = s->pitch / 2u;
    const int32_t back = outputs > 3u ? s->channels_3 : 0;
    const int16_t *row = s->plane;
    int32_t k[9];
    for (uint32_t r = 0; r < 3u; r++) {
        k[3u * r] = low_half(s->taps[2u * r]);
        k[3u * r + 1u] = high_half(s->taps[2u * r]);
        k[3u * r + 2u] = high_half(s->taps[2u * r + 1u]);
    }
    for (int8_t *y = s->y; y != s->y_end; y += s->y_step + back, row += stride * halves) {
        for (uint32_t o = 0; o < outputs; o++) {
            const int16_t *const a = row + o * stride, *const b = a + halves, *const c = b + halves;
            uint32_t sum = (uint32_t)s->start + (uint32_t)(a[0] * k[0]) + (uint32_t)(a[1] * k[1]) + (uint32_t)(a[2] * k[2]);
            sum += (uint32_t)(b[0] * k[3]) + (uint32_t)(b[1] * k[4]) + (uint32_t)(b[2] * k[5]);
            sum += (uint32_t)(c[0] * k[6]) + (uint32_t)(c[1] * k[7]) + (uint32_t)(c[2] * k[8]);
            y[(int32_t)o * s->channels] = strip_output(sum, s, finish);
        }
    }
}
#define STRIP(name, outputs, stride, FINISH) \
    KERNEL_UNSEEN KERNEL void name(const struct strip *strip) { strip_rows(strip, outputs##u, STRIP_##stride, STRIP_##FINISH); }
#endif

#define STRIPS(outputs, stride) \
    STRIP(strip_s##stride##_##outputs##_relu, outputs, S##stride, RELU) \
    STRIP(strip_s##stride##_##outputs##_signed, outputs, S##stride, SIGNED) \
    STRIP(strip_s##stride##_##outputs##_clamped, outputs, S##stride, CLAMPED)
/* A compiler keeps those that are called. */
STRIPS(1, 1)
STRIPS(2, 1)
STRIPS(3, 1)
STRIPS(4, 1)
STRIPS(5, 1)
STRIPS(6, 1)
STRIPS(1, 2)
STRIPS(2, 2)
STRIPS(3, 2)

/* Input, output and how the work is cut: `slab` rows of outputs at a time, strips of `wide` outputs, then of the rest. */
struct plane {
    int32_t height, width, channels, stride, top, left, outputs_height, outputs_width, slab, wide, pitch;
    int32_t least, greatest;
    int8_t zero_point;
};

/* Rows of one channel, a half a value; `gap` bytes from the end of a row in the plane to the next. */
#if KERNEL_DSP
/* Pairs of values, four of them unrolled: of the first turn as many are left out as the rest is whole turns. */
#define WIDEN_PAIR \
    "ldrsb.w r4, [r0]\n ldrsb.w r6, [r0, r1]\n add.w r0, r0, r1, lsl #1\n pkhbt r4, r4, r6, lsl #16\n" \
    "str.w r4, [r2], #4\n"
KERNEL_ASM void widen(const int8_t *x KERNEL_UNSEEN, int32_t channels KERNEL_UNSEEN, int16_t *to KERNEL_UNSEEN,
                      int32_t width KERNEL_UNSEEN, int32_t rows KERNEL_UNSEEN, int32_t gap KERNEL_UNSEEN) {
    __asm__ volatile("push {r4-r11, lr}\n ldrd r9, r10, [sp, #36]\n lsr r8, r3, #1\n"
                     "rsb r5, r8, #0\n and r5, r5, #3\n add r5, r5, r5, lsl #2\n adr r7, 2f\n add r7, r7, r5, lsl #2\n"
                     "add r8, r8, #3\n lsrs r8, r8, #2\n"
                     "0:\n tst r3, #1\n beq 1f\n ldrsb r4, [r0]\n add r0, r0, r1\n strh r4, [r2], #2\n"
                     "1:\n movs r5, r8\n beq 3f\n mov pc, r7\n .balign 4\n"
                     "2:\n" WIDEN_PAIR WIDEN_PAIR WIDEN_PAIR WIDEN_PAIR "subs r5, r5, #1\n bne 2b\n"
                     "3:\n add r2, r2, r10\n subs r9, r9, #1\n bne 0b\n pop {r4-r11, pc}\n" ::: KERNEL_CHANGED);
}
#else
static void widen(const int8_t *x, int32_t channels, int16_t *to, int32_t width, int32_t rows, int32_t gap) {
    for (; rows > 0; rows--, to += gap / 2) {
        for (int32_t j = 0; j < width; j++, x += channels) {
            *to++ = *x;
        }
    }
}
#endif

static inline void taps_of(const uint32_t *packed, uint32_t taps[6]) {
    const uint32_t left = packed[1] >> 24;
    for (uint32_t r = 0; r < 3u; r++) {
        const uint32_t row = packed[r];
        const uint32_t k0 = (uint32_t)(int8_t)(row & 255u) << left;
        const uint32_t k1 = (uint32_t)(int8_t)((row >> 8) & 255u) << left;
        const uint32_t k2 = (uint32_t)(int8_t)((row >> 16) & 255u) << left;
        taps[2u * r] = (k0 & 0xffffu) | (k1 << 16);
        taps[2u * r + 1u] = (k1 & 0xffffu) | (k2 << 16);
    }
}

static inline void fill_halves(int16_t *to, int32_t count, int16_t value) {
    for (int32_t i = 0; i < count; i++) {
        to[i] = value;
        KERNEL_LOOP;
    }
}

/* The rows of a slab that begins at output row `first`; those it shares with the slab before are moved, not read. Rows
 * outside of the input are filled where a slab is not the whole plane: else they are as they were. */
static inline void fill_slab(const int8_t *x, const struct plane *p, int32_t first, int32_t rows, int16_t *plane) {
    const int32_t halves = p->pitch / 2, kept = first > 0 ? 3 - p->stride : 0;
    for (int32_t i = 0; i < kept * halves; i++) {
        plane[i] = plane[p->slab * p->stride * halves + i];
        KERNEL_LOOP;
    }
    const int32_t top = first * p->stride - p->top; /* the input's row that is the slab's first */
    const int32_t begin = top + kept < 0 ? -top : kept, end = top + rows < p->height ? rows : p->height - top;
    if (p->slab < p->outputs_height) {
        fill_halves(plane + kept * halves, (begin - kept) * halves, p->zero_point);
        fill_halves(plane + end * halves, (rows - end) * halves, p->zero_point);
    }
    if (end > begin) {
        widen(x + (top + begin) * p->width * p->channels, p->channels, plane + begin * halves + p->left, p->width,
              end - begin, p->pitch - 2 * p->width);
    }
}

static void depthwise(const int8_t *x, const struct plane *p, const uint32_t *packed, int8_t *y, int16_t *plane,
                      uint32_t words, void (*wide)(const struct strip *), void (*rest)(const struct strip *)) {
    const int32_t line = p->outputs_width * p->channels;
    struct strip s;
    s.pitch = (uint32_t)p->pitch;
    s.channels = p->channels;
    s.channels_3 = 3 * p->channels;
    s.least = p->least;
    s.greatest = p->greatest;
    fill_halves(plane, 2 * (int32_t)words, p->zero_point);
    for (int32_t c = 0; c < p->channels; c++, packed += 6) {
        s.shift = (int32_t)(packed[0] >> 24);
        s.start = (int32_t)packed[3];
        s.multiplier = (int32_t)packed[4];
        s.constant = (int32_t)packed[5];
        taps_of(packed, s.taps);
        for (int32_t first = 0; first < p->outputs_height; first += p->slab) {
            const int32_t left = p->outputs_height - first, rows = left < p->slab ? left : p->slab;
            fill_slab(x + c, p, first, (rows - 1) * p->stride + 3, plane);
            for (int32_t j = 0; j < p->outputs_width; j += p->wide) {
                const int32_t many = p->outputs_width - j < p->wide ? p->outputs_width - j : p->wide;
                s.plane = plane + j * p->stride;
                s.y = y + first * line + j * p->channels + c;
                s.y_step = line - (many > 3 ? s.channels_3 : 0);
                s.y_end = (int8_t *)((uintptr_t)s.y + (uintptr_t)(rows * line)); /* a mark, beyond what is written */
                (many == p->wide ? wide : rest)(&s);
            }
        }
    }
}

#endif
