"""How each operator becomes C: one file a family, each a function from a site to a layer."""

from ...graph.operators import (
    Add,
    AveragePool2d,
    BatchMatMul,
    Concat,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    Gather,
    Gelu,
    HardSwish,
    LeakyRelu,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    MirrorPad,
    Mul,
    Operator,
    Pad,
    PRelu,
    Quantize,
    Relu,
    Relu6,
    ResizeBilinear,
    ResizeNearest,
    Rsqrt,
    Sigmoid,
    Slice,
    Softmax,
    StridedSlice,
    Sub,
    Tanh,
    Transpose,
    TransposeConv2d,
)
from ..layer import Emitter
from .convolution import conv2d
from .dense import fully_connected
from .depthwise import depthwise_conv2d
from .elementwise import bound, mul, prelu, sum_
from .lookup import lookup
from .movement import concat, gather, mirror_pad, pad, resize_nearest, slice_, strided_slice, transpose
from .pooling import pool2d
from .product import batch_mat_mul
from .reduction import mean
from .resizing import resize_bilinear
from .softmax import softmax
from .transposed import transpose_conv

EMITTERS: dict[type[Operator], Emitter] = {
    Add: sum_,
    AveragePool2d: pool2d,
    BatchMatMul: batch_mat_mul,
    Concat: concat,
    Conv2d: conv2d,
    DepthwiseConv2d: depthwise_conv2d,
    FullyConnected: fully_connected,
    Gather: gather,
    Gelu: lookup,
    HardSwish: lookup,
    LeakyRelu: lookup,
    MaxPool2d: pool2d,
    Maximum: bound,
    Mean: mean,
    Minimum: bound,
    MirrorPad: mirror_pad,
    Mul: mul,
    PRelu: prelu,
    Pad: pad,
    Quantize: lookup,
    Relu: lookup,
    Relu6: lookup,
    ResizeBilinear: resize_bilinear,
    ResizeNearest: resize_nearest,
    Rsqrt: lookup,
    Sigmoid: lookup,
    Slice: slice_,
    Softmax: softmax,
    StridedSlice: strided_slice,
    Sub: sum_,
    Tanh: lookup,
    Transpose: transpose,
    TransposeConv2d: transpose_conv,
}
