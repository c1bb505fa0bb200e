"""The operators the graph is made of: one file a family, all built alike."""

from .conversion import Dequantize, Quantize
from .convolution import Conv2d, DepthwiseConv2d
from .dense import FullyConnected
from .elementwise import Add, Maximum, Minimum, Mul, Relu, Relu6, Sub
from .gelu import Gelu
from .movement import Gather, MirrorPad, Pad, Reshape
from .nonlinear import HardSwish, LeakyRelu, PRelu, Sigmoid, Tanh
from .operator import Activation, Operator, Padding
from .pooling import AveragePool2d, MaxPool2d
from .product import BatchMatMul
from .reduction import Mean
from .resizing import ResizeBilinear, ResizeNearest
from .root import Rsqrt
from .selection import Concat, Slice, StridedSlice, Transpose
from .softmax import Softmax
from .transposed import TransposeConv2d

__all__ = [
    "Activation",
    "Add",
    "AveragePool2d",
    "BatchMatMul",
    "Concat",
    "Conv2d",
    "DepthwiseConv2d",
    "Dequantize",
    "FullyConnected",
    "Gather",
    "Gelu",
    "HardSwish",
    "LeakyRelu",
    "MaxPool2d",
    "Maximum",
    "Mean",
    "Minimum",
    "MirrorPad",
    "Mul",
    "Operator",
    "PRelu",
    "Pad",
    "Padding",
    "Quantize",
    "Relu",
    "Relu6",
    "Reshape",
    "ResizeBilinear",
    "ResizeNearest",
    "Rsqrt",
    "Sigmoid",
    "Slice",
    "Softmax",
    "StridedSlice",
    "Sub",
    "Tanh",
    "Transpose",
    "TransposeConv2d",
]
