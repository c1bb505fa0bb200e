#ifndef EDGESTILL_GATHER_H
#define EDGESTILL_GATHER_H
#include <stdint.h>

/* Row ids[i] of a table for each i, one behind the other; ids below 0 are taken as 0, those above `last` as last. */
static inline void gather_rows(const int8_t *table, uint32_t row, int32_t last, const int32_t *ids, uint32_t count,
                               int8_t *y) {
    for (uint32_t i = 0; i < count; i++, y += row) {
        const int32_t id = ids[i] < 0 ? 0 : ids[i] > last ? last : ids[i];
        __builtin_memcpy(y, table + (uint32_t)id * row, row);
    }
}

#endif
