/* small: y = clamp((w x + b + 64) / 128), twice; one kernel serves both layers. */
#include "model.h"

#define ALIGNED __attribute__((aligned(8)))
#define LAYER static __attribute__((noinline))

static uint8_t model_arena[MODEL_ARENA_BYTES] ALIGNED;

static const int8_t weights_0[48] ALIGNED = {
    30, 54, -86, 55, -6, 2, 23, -39, 86, -81, -40, -21, 12, -17, -67, -82, -90, -82, -64, 89, -56, 27, 45, -48,
    -40, -12, -43, 85, -59, 71, 53, 61, -70, -20, 23, -2, 29, 31, 29, -80, 82, 10, 72, -42, -25, 68, -57, -79,
};
static const int32_t bias_0[6] ALIGNED = {-165, -64, 431, -297, 27, -176};
static const int8_t weights_1[18] ALIGNED = {
    -23, 32, -68, 66, -29, -50, 8, 71, 69, 66, -35, -87, 50, 37, 48, -90, -84, 0,
};
static const int32_t bias_1[3] ALIGNED = {-206, 306, -347};

LAYER void dense(const int8_t *x, uint32_t terms, uint32_t outputs, const int8_t *weights, const int32_t *bias,
                 int8_t *y) {
    for (uint32_t o = 0; o < outputs; o++) {
        int32_t sum = bias[o] + 64;
        for (uint32_t t = 0; t < terms; t++) {
            sum += x[t] * *weights++;
        }
        sum >>= 7;
        y[o] = (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
    }
}

LAYER void layer_00_dense(void) {
    dense((const int8_t *)model_arena, 8, 6, weights_0, bias_0, (int8_t *)model_arena + 8);
}

LAYER void layer_01_dense(void) {
    dense((const int8_t *)model_arena + 8, 6, 3, weights_1, bias_1, (int8_t *)model_arena + 16);
}

void *model_input(unsigned index) {
    return model_arena + index;
}

void model_run(void) {
    layer_00_dense();
    layer_01_dense();
}

const void *model_output(unsigned index) {
    return model_arena + 16 + index;
}
