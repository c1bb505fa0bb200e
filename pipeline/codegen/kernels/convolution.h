#ifndef EDGESTILL_CONVOLUTION_H
#define EDGESTILL_CONVOLUTION_H
#include "matmul.h"

/* A window that slides over an input of height x width x channels. `run` bytes, one row of the window, lie side by side. */
struct window {
    int32_t height, width, channels, kernel_height, run, stride_height, stride_width, dilation_height, top, left;
    int32_t outputs_height, outputs_width, outputs;
    int8_t zero_point;
};

/* Where a window begins: the row, and the byte within a row; whether each of its rows is whole. */
struct position {
    int32_t row, byte;
    int32_t whole;
};

/* A copy by words, as far as they go. */
static inline void copy_run(int8_t *to, const int8_t *from, int32_t bytes) {
    int32_t i = 0;
#if !defined(__thumb__) || defined(__thumb2__) /* where words may lie at any address */
    for (; i + 4 <= bytes; i += 4) {
        __builtin_memcpy(to + i, from + i, 4);
    }
#endif
    for (; i < bytes; i++) {
        to[i] = from[i];
        KERNEL_LOOP;
    }
}

/* A row of a window: in the input, or, where it reaches over an edge, put together in `built`. */
static const int8_t *run_at(const int8_t *x, const struct window *w, const struct position *at, int32_t row,
                            const int8_t *zeros, int8_t *built) {
    const int32_t line = w->width * w->channels;
    if ((uint32_t)row >= (uint32_t)w->height) {
        return zeros;
    }
    if (at->whole) {
        return x + row * line + at->byte;
    }
    const int32_t before = at->byte < 0 ? -at->byte : 0, over = at->byte + w->run - line;
    copy_run(built, zeros, w->run);
    copy_run(built + before, x + row * line + at->byte + before, w->run - before - (over > 0 ? over : 0));
    return built;
}

/* All positions, three at a time. A run of whole words is expanded where it lies. Other runs are first copied side by
 * side, into patches of `steps` words. Scratch, in words: six a step; four runs, each rounded up; and three patches. */
static void convolution(const int8_t *x, const struct window *w, uint32_t steps, struct tile tile, uint32_t *scratch,
                        void (*kernel)(const struct tile *)) {
    const uint32_t words = ((uint32_t)w->run + 3u) / 4u;
    const int32_t in_words = w->run % 4 == 0;
    int8_t *const zeros = (int8_t *)(scratch + 6u * steps), *const built = (int8_t *)(scratch + 6u * steps + words);
    int8_t *const patches = (int8_t *)(scratch + 6u * steps + 4u * words);
    const int32_t last = (w->width - 1) * w->channels - w->run + w->channels; /* the last byte a whole run begins at */
    int32_t left = w->outputs_height * w->outputs_width, i = 0, j = 0;
    for (uint32_t b = 0; b < 4u * words; b++) {
        zeros[b] = w->zero_point;
        KERNEL_LOOP;
    }
    for (uint32_t b = 0; !in_words && b < 12u * steps; b++) {
        patches[b] = 0;
        KERNEL_LOOP;
    }
    tile.rows = scratch;
    tile.rows_end = scratch + 6u * steps;
    tile.skipped = steps_skipped(steps);
    for (; left > 0; left -= 3, tile.y += 3 * w->outputs) {
        struct position at[3];
        for (int32_t k = 0; k < 3; k++) {
            at[k].row = i * w->stride_height - w->top;
            at[k].byte = (j * w->stride_width - w->left) * w->channels;
            at[k].whole = at[k].byte >= 0 && at[k].byte <= last;
            if (k + 1 < left && ++j == w->outputs_width) {
                j = 0;
                i++;
            }
        }
        if (left < 3) {
            tile.second = left > 1 ? tile.second : 0;
            tile.third = 0;
        }
        uint32_t *to = scratch;
        for (int32_t r = 0; r < w->kernel_height; r++) {
            const int8_t *run[3];
            for (int32_t k = 0; k < 3; k++) {
                run[k] = run_at(x, w, &at[k], at[k].row + r * w->dilation_height, zeros, built + 4u * words * (uint32_t)k);
                if (!in_words) {
                    copy_run(patches + 4u * steps * (uint32_t)k + r * w->run, run[k], w->run);
                }
            }
            if (in_words) {
                to = expand(run, words, to);
            }
        }
        if (!in_words) {
            const int8_t *const run[3] = {patches, patches + 4u * steps, patches + 8u * steps};
            expand(run, steps, scratch);
        }
        kernel(&tile);
    }
}

#endif
