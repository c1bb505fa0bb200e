#ifndef EDGESTILL_TABLE_H
#define EDGESTILL_TABLE_H
#include <stdint.h>

/* y[i] = table[x[i] + 128]; y may be x. */
static inline void apply_table(const int8_t *x, const int8_t *table, uint32_t count, int8_t *y) {
    for (uint32_t i = 0; i < count; i++) {
        y[i] = table[x[i] + 128];
    }
}

#endif
