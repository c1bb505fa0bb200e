#ifndef EDGESTILL_POINTWISE_H
#define EDGESTILL_POINTWISE_H
#include "matmul.h"

/* A row of `depth` bytes, rounded up to whole words with zeros. */
static inline const int8_t *copied(const int8_t *x, uint32_t depth, int8_t *to) {
    for (uint32_t i = 0; i < depth; i++) {
        to[i] = x[i];
        KERNEL_LOOP;
    }
    for (uint32_t i = depth; i % 4u; i++) {
        to[i] = 0;
        KERNEL_LOOP;
    }
    return to;
}

/* Rows of activations, `depth` bytes each, against all outputs. The outputs of a row may lie on rows before it or on its
 * own: three rows are expanded before theirs are written. `scratch` holds 24 bytes a step, and 4 more a step when depth
 * is no multiple of 4: the last row is copied there, so that nothing behind the tensor is read. depth is 2 or more: of
 * rows of one byte, more than the last would reach behind it. */
static void pointwise(const int8_t *x, uint32_t rows, uint32_t depth, uint32_t outputs, struct tile tile, uint32_t *scratch,
                      void (*kernel)(const struct tile *)) {
    const uint32_t steps = (depth + 3u) / 4u;
    tile.rows = scratch;
    tile.rows_end = scratch + 6u * steps;
    tile.skipped = steps_skipped(steps);
    for (; rows > 3u; rows -= 3u, x += 3u * depth, tile.y += 3u * outputs) {
        const int8_t *const at[3] = {x, x + depth, x + 2u * depth};
        expand(at, steps, scratch);
        kernel(&tile);
    }
    const int8_t *at[3] = {x, x, x};
    for (uint32_t i = 1; i < rows; i++) {
        at[i] = x + i * depth;
        KERNEL_LOOP;
    }
    if (depth % 4u) {
        const int8_t *const last = copied(x + (rows - 1u) * depth, depth, (int8_t *)(scratch + 6u * steps));
        at[0] = rows > 1u ? at[0] : last;
        at[1] = rows > 2u ? at[1] : rows > 1u ? last : at[0];
        at[2] = rows > 2u ? last : at[0];
    }
    tile.second = rows > 1u ? tile.second : 0;
    tile.third = rows > 2u ? tile.third : 0;
    expand(at, steps, scratch);
    kernel(&tile);
}

#endif
