#ifndef EDGESTILL_GROUPED_WINDOW_H
#define EDGESTILL_GROUPED_WINDOW_H
#include <stdint.h>

/* Height, width and channels of input, window and output; each group has its share of both channels. */
struct grouped_window {
    int32_t height, width, channels, kernel_height, kernel_width, depth, stride_height, stride_width;
    int32_t dilation_height, dilation_width, top, left, outputs_height, outputs_width, outputs, group_outputs;
    int32_t input_zero_point, zero_point, least, greatest;
};

#endif
