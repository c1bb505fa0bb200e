"""How each operator is written in a TFLite file: its builtin, version, options and constant operands; one table."""

from collections.abc import Callable, Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from .operators import (
    Add,
    AveragePool2d,
    BatchMatMul,
    Concat,
    Conv2d,
    DepthwiseConv2d,
    Dequantize,
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
    Reshape,
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
from .tensor import Tensor
from .tflite_builtin import Builtin
from .tflite_fields import (
    ACTIVATIONS,
    MIRRORS,
    PADDINGS,
    Alignment,
    Field,
    Operand,
    axes,
    cut,
    from_the_front,
    numbers,
    pairs,
)


def _by_type(floating: int, integer: int) -> Callable[[Sequence[Tensor]], int]:
    return lambda inputs: floating if inputs[0].dtype == "float32" else integer


def _dense_version(inputs: Sequence[Tensor]) -> int:
    if len(inputs) < 3:
        return 6
    scales = inputs[1].quantization.scale.size if inputs[1].quantization else 0
    return 5 if scales > 1 else 4 if scales else 1


def _transposed_version(inputs: Sequence[Tensor]) -> int:
    return 3 if len(inputs) > 2 else 1 if inputs[0].dtype == "float32" else 2


def _alike(*counts: int) -> frozenset[tuple[str, ...]]:
    """All inputs and the output float, or all of them int8."""
    return frozenset((dtype,) * (count + 1) for count in counts for dtype in ("float32", "int8"))


WEIGHTED = frozenset({("float32",) * 3, ("float32",) * 4, ("int8",) * 3, ("int8", "int8", "int32", "int8")})
ACTIVATION = Field("activation", ("fusedActivationFunction",), "ActivationFunctionType", ACTIVATIONS)
PADDING = Field("padding", ("padding",), "Padding", PADDINGS)
STRIDE = Field("stride", ("strideH", "strideW"))
DILATION = Field("dilation", ("dilationHFactor", "dilationWFactor"))
KERNEL = Field("kernel", ("filterHeight", "filterWidth"))
MULTIPLIER = Field("multiplier", ("depthMultiplier",))
CONVOLUTION = (STRIDE, PADDING, DILATION, ACTIVATION)
SIZE = Operand("size", numbers)
POOLING = (KERNEL, STRIDE, PADDING, ACTIVATION)

BUILTINS = (
    Builtin(Add, "ADD", "AddOptions", _by_type(1, 2), _alike(2), (ACTIVATION,)),
    Builtin(AveragePool2d, "AVERAGE_POOL_2D", "Pool2DOptions", _by_type(1, 2), _alike(1), POOLING, one_scale=True),
    Builtin(
        BatchMatMul, "BATCH_MATMUL", "BatchMatMulOptions", _by_type(1, 2), _alike(2), (Field("transposed", ("adjY",)),)
    ),
    Builtin(
        Concat,
        "CONCATENATION",
        "ConcatenationOptions",
        _by_type(1, 2),
        _alike(1),
        (Field("axis", ("axis",)),),
        settle=from_the_front,
        variadic=True,
        one_scale=True,
    ),
    Builtin(Conv2d, "CONV_2D", "Conv2DOptions", _by_type(1, 3), WEIGHTED, CONVOLUTION, weighted=True),
    Builtin(
        DepthwiseConv2d,
        "DEPTHWISE_CONV_2D",
        "DepthwiseConv2DOptions",
        _by_type(2, 3),
        WEIGHTED,
        (*CONVOLUTION, MULTIPLIER),
        weighted=True,
    ),
    Builtin(Dequantize, "DEQUANTIZE", "DequantizeOptions", lambda _: 2, frozenset({("int8", "float32")})),
    Builtin(
        FullyConnected,
        "FULLY_CONNECTED",
        "FullyConnectedOptions",
        _dense_version,
        WEIGHTED,
        (ACTIVATION, Field("keep_dims", ("keepNumDims",))),
        weighted=True,
    ),
    Builtin(
        Gather,
        "GATHER",
        "GatherOptions",
        _by_type(1, 2),
        frozenset({("float32", "int32", "float32"), ("int8", "int32", "int8")}),
        one_scale=True,
    ),
    Builtin(
        Gelu,
        "GELU",
        "GeluOptions",
        lambda _: 1,
        frozenset({("float32",) * 2}),
        (Field("approximate", ("approximate",)),),
    ),
    Builtin(HardSwish, "HARD_SWISH", "HardSwishOptions", lambda _: 1, _alike(1)),
    Builtin(LeakyRelu, "LEAKY_RELU", "LeakyReluOptions", _by_type(1, 2), _alike(1), (Field("alpha", ("alpha",)),)),
    Builtin(Maximum, "MAXIMUM", "MaximumMinimumOptions", _by_type(1, 2), _alike(2), one_scale=True),
    Builtin(MaxPool2d, "MAX_POOL_2D", "Pool2DOptions", _by_type(1, 2), _alike(1), POOLING, one_scale=True),
    Builtin(
        Mean,
        "MEAN",
        "ReducerOptions",
        _by_type(1, 2),
        _alike(1),
        (Field("keep_dims", ("keepDims",)),),
        (Operand("axes", axes),),
    ),
    Builtin(Minimum, "MINIMUM", "MaximumMinimumOptions", _by_type(1, 2), _alike(2), one_scale=True),
    Builtin(
        MirrorPad,
        "MIRROR_PAD",
        "MirrorPadOptions",
        _by_type(1, 2),
        _alike(1),
        (Field("mode", ("mode",), "MirrorPadMode", MIRRORS),),
        (Operand("before_after", pairs),),
        one_scale=True,
    ),
    Builtin(Mul, "MUL", "MulOptions", _by_type(1, 2), _alike(2), (ACTIVATION,)),
    Builtin(Pad, "PAD", "PadOptions", _by_type(1, 2), _alike(1), (), (Operand("before_after", pairs),), one_scale=True),
    Builtin(PRelu, "PRELU", "", lambda _: 1, _alike(2)),
    Builtin(
        Quantize, "QUANTIZE", "QuantizeOptions", _by_type(1, 2), frozenset({("float32", "int8"), ("int8", "int8")})
    ),
    Builtin(Relu, "RELU", "", _by_type(1, 2), _alike(1)),
    Builtin(Relu6, "RELU6", "", _by_type(1, 2), _alike(1), one_scale=True),
    Builtin(
        Reshape,
        "RESHAPE",
        "ReshapeOptions",
        lambda _: 1,
        _alike(1) | {("int32", "int32")},
        (Field("target", ("newShape",)),),
        (Operand("target", lambda operand, x, y: y.shape),),  # the file's shape may hold a -1
        one_scale=True,
    ),
    Builtin(
        ResizeBilinear,
        "RESIZE_BILINEAR",
        "ResizeBilinearOptions",
        _by_type(3, 3),
        _alike(1),
        (Alignment(),),
        (SIZE,),
        one_scale=True,
    ),
    Builtin(
        ResizeNearest,
        "RESIZE_NEAREST_NEIGHBOR",
        "ResizeNearestNeighborOptions",
        _by_type(3, 3),
        _alike(1),
        (Alignment(),),
        (SIZE,),
        one_scale=True,
    ),
    Builtin(Sigmoid, "LOGISTIC", "", _by_type(1, 2), _alike(1)),
    Builtin(Rsqrt, "RSQRT", "", _by_type(1, 2), _alike(1)),
    Builtin(
        Slice,
        "SLICE",
        "SliceOptions",
        _by_type(1, 2),
        _alike(1),
        (),
        (Operand("begin", numbers), Operand("size", lambda operand, x, y: (1, *y.shape[1:]))),
        one_scale=True,
    ),
    Builtin(
        StridedSlice,
        "STRIDED_SLICE",
        "StridedSliceOptions",
        _by_type(1, 2),
        _alike(1),
        (),
        (Operand("begin", numbers), Operand("end", numbers), Operand("strides", numbers)),
        settle=cut,
        one_scale=True,
    ),
    Builtin(Sub, "SUB", "SubOptions", _by_type(1, 2), _alike(2), (ACTIVATION,)),
    Builtin(
        Transpose,
        "TRANSPOSE",
        "TransposeOptions",
        _by_type(1, 2),
        _alike(1),
        (),
        (Operand("order", numbers),),
        one_scale=True,
    ),
    Builtin(
        TransposeConv2d,
        "TRANSPOSE_CONV",
        "TransposeConvOptions",
        _transposed_version,
        WEIGHTED,
        (STRIDE, PADDING, ACTIVATION),
        (Operand("size", lambda operand, x, y: y.shape[1:3], lambda size, y: y.shape),),
        weighted=True,
        backwards=True,
    ),
    Builtin(Softmax, "SOFTMAX", "SoftmaxOptions", _by_type(1, 2), _alike(1), (Field("beta", ("beta",)),)),
    Builtin(Tanh, "TANH", "", _by_type(1, 2), _alike(1)),
)
BY_CODE = {builtin.code: builtin for builtin in BUILTINS}
BY_OPERATOR = {builtin.operator: builtin for builtin in BUILTINS}


def write_options(operator: Operator, builtin: Builtin) -> Any:
    """The schema's options object of an operator; None when it has none."""
    if not builtin.options:
        return None
    options = getattr(schema, f"{builtin.options}T")()
    for field in builtin.fields:
        field.write(operator, options)
    return options


def read_options(builtin: Builtin, options: Any) -> dict[str, Any]:
    """The attributes that a file's options hold; a table left out means the schema's defaults."""
    present = options if options is not None or not builtin.options else getattr(schema, f"{builtin.options}T")()
    kept_as_operands = {operand.attribute for operand in builtin.operands}
    return {field.attribute: field.read(present) for field in builtin.fields if field.attribute not in kept_as_operands}
