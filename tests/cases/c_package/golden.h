#include <stdint.h>

static const uint8_t golden_input[8] = {209, 158, 166, 199, 50, 20, 242, 171};
static const uint8_t golden_output[3] = {186, 95, 49};
