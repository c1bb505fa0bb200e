/* small: two dense layers on eight INT8 values, written by hand as `edgestill compile` writes packages. */
#ifndef SMALL_MODEL_H
#define SMALL_MODEL_H
#include <stdint.h>

#define MODEL_ARENA_BYTES 24u
#define MODEL_INPUTS 1u
#define MODEL_INPUT_BYTES {8u}
#define MODEL_OUTPUTS 1u
#define MODEL_OUTPUT_BYTES {3u}
void *model_input(unsigned index);
void model_run(void);
const void *model_output(unsigned index);

#endif
