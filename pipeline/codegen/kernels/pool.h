#ifndef EDGESTILL_POOL_H
#define EDGESTILL_POOL_H
#include "instructions.h"

/* Pools over height and width, four channels at a time; positions outside of the input do not count. */
struct pool {
    int32_t height, width, channels, kernel_height, kernel_width, stride_height, stride_width, top, left;
    int32_t outputs_height, outputs_width, least, greatest;
};

/* The part of a window that lies inside: rows and columns from, and how many; `at` is its first byte. */
struct inside {
    const int8_t *at;
    int32_t rows, columns;
};

static inline int32_t pool_limit(int32_t x, int32_t least, int32_t greatest) {
    return x < least ? least : x > greatest ? greatest : x;
}

static inline struct inside inside_of(const int8_t *x, const struct pool *p, int32_t i, int32_t j) {
    const int32_t row = i * p->stride_height - p->top, column = j * p->stride_width - p->left;
    const int32_t row_end = pool_limit(row + p->kernel_height, 0, p->height);
    const int32_t column_end = pool_limit(column + p->kernel_width, 0, p->width);
    const int32_t first_row = row < 0 ? 0 : row, first_column = column < 0 ? 0 : column;
    const struct inside found = {x + (first_row * p->width + first_column) * p->channels, row_end - first_row,
                                 column_end - first_column};
    return found;
}

#endif
