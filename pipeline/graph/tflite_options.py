"""How each operator is written in a TFLite file: its builtin, version, options and constant operands; one table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

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
    HardSwish,
    LeakyRelu,
    Maximum,
    MaxPool2d,
    Mean,
    Minimum,
    Mul,
    Operator,
    Pad,
    PRelu,
    Quantize,
    Relu,
    Relu6,
    Reshape,
    Rsqrt,
    Sigmoid,
    Slice,
    Softmax,
    StridedSlice,
    Sub,
    Tanh,
    Transpose,
)
from .tensor import Tensor

ACTIVATIONS = {"none": "NONE", "relu": "RELU", "relu6": "RELU6"}
PADDINGS = {"SAME": "SAME", "VALID": "VALID"}


@dataclass(frozen=True)
class Field:
    """An attribute of ours and the option that holds it, or the two options that hold a pair (height, width)."""

    attribute: str
    options: tuple[str, ...]
    enumeration: str = ""  # the schema's name for its values, when they are named
    names: Mapping[str, str] | None = None  # our name -> the schema's

    def write(self, operator: Operator, options: Any) -> None:
        value = getattr(operator, self.attribute)
        if self.names is not None:
            value = getattr(getattr(schema, self.enumeration), self.names[value])
        for name, part in zip(self.options, value if len(self.options) > 1 else [value], strict=True):
            setattr(options, name, part)

    def read(self, options: Any) -> Any:
        """The attribute's value; ValueError when the file names one that we do not carry."""
        values = tuple(getattr(options, name) for name in self.options)
        if self.names is not None:
            return self._named(values[0])
        return values if len(values) > 1 else values[0]

    def _named(self, number: int) -> str:
        theirs = enumeration_name(self.enumeration, number)
        ours = {there: here for here, there in (self.names or {}).items()}
        if theirs not in ours:
            raise ValueError(f"{self.options[0]} {theirs} is not carried; there are {', '.join(ours)}")
        return ours[theirs]


@dataclass(frozen=True)
class Operand:
    """An attribute of ours that the file keeps as a constant int32 tensor, behind the operator's inputs."""

    attribute: str
    decode: Callable[[Any, Tensor, Tensor], Any]  # the operand's data, input and output -> the attribute

    def encode(self, operator: Operator) -> NDArray[np.int32]:
        return np.array(getattr(operator, self.attribute), np.int32)


@dataclass(frozen=True)
class Builtin:
    """One row of the table. `types` are the dtypes of inputs and output that we carry, a missing bias left out."""

    operator: type[Any]
    code: str  # the schema's name of the builtin
    options: str  # the schema's name of its options; empty when it has none
    version: Callable[[Sequence[Tensor]], int]  # by the input tensors: the lowest that every runtime accepts
    types: frozenset[tuple[str, ...]]
    fields: tuple[Field, ...] = ()
    operands: tuple[Operand, ...] = ()
    settle: Callable[[dict[str, Any], Any, Tensor], dict[str, Any]] = lambda attributes, options, x: attributes
    variadic: bool = False  # any number of inputs of one type
    weighted: bool = False  # the second and third input are constant weights and bias
    one_scale: bool = False  # input and output share scale and zero point


def _by_type(floating: int, integer: int) -> Callable[[Sequence[Tensor]], int]:
    return lambda inputs: floating if inputs[0].dtype == "float32" else integer


def _dense_version(inputs: Sequence[Tensor]) -> int:
    if len(inputs) < 3:
        return 6
    scales = inputs[1].quantization.scale.size if inputs[1].quantization else 0
    return 5 if scales > 1 else 4 if scales else 1


def _axes(operand: NDArray[Any], x: Tensor, _: Tensor) -> tuple[int, ...]:
    return tuple(int(axis) % len(x.shape) for axis in operand.reshape(-1))


def _pairs(operand: NDArray[Any], *_: Tensor) -> tuple[tuple[int, int], ...]:
    return tuple((int(before), int(after)) for before, after in operand)


def _numbers(operand: NDArray[Any], *_: Tensor) -> tuple[int, ...]:
    return tuple(int(number) for number in operand.reshape(-1))


def _from_the_front(attributes: dict[str, Any], _: Any, x: Tensor) -> dict[str, Any]:
    """An axis that counts from the last one, as one that counts from the first."""
    return {**attributes, "axis": attributes["axis"] % len(x.shape)}


def _cut(attributes: dict[str, Any], options: Any, x: Tensor) -> dict[str, Any]:
    """Begin and end inside the input: masks, negative numbers and ends beyond the last value say the same otherwise."""
    spans = [slice(*span).indices(n) for span, n in zip(_spans(attributes, options), x.shape, strict=True)]
    return {name: tuple(span[place] for span in spans) for place, name in enumerate(("begin", "end", "strides"))}


def _spans(attributes: dict[str, Any], options: Any) -> Iterator[tuple[int | None, int | None, int]]:
    masks = getattr(options, "beginMask", 0), getattr(options, "endMask", 0)
    spans = zip(attributes["begin"], attributes["end"], attributes["strides"], strict=True)
    for axis, (begin, end, stride) in enumerate(spans):
        first, last = (bool(mask >> axis & 1) for mask in masks)
        yield None if first else begin, None if last else end, stride


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
        settle=_from_the_front,
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
        (Operand("axes", _axes),),
    ),
    Builtin(Minimum, "MINIMUM", "MaximumMinimumOptions", _by_type(1, 2), _alike(2), one_scale=True),
    Builtin(Mul, "MUL", "MulOptions", _by_type(1, 2), _alike(2), (ACTIVATION,)),
    Builtin(
        Pad, "PAD", "PadOptions", _by_type(1, 2), _alike(1), (), (Operand("before_after", _pairs),), one_scale=True
    ),
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
    Builtin(Sigmoid, "LOGISTIC", "", _by_type(1, 2), _alike(1)),
    Builtin(Rsqrt, "RSQRT", "", _by_type(1, 2), _alike(1)),
    Builtin(
        Slice,
        "SLICE",
        "SliceOptions",
        _by_type(1, 2),
        _alike(1),
        (),
        (Operand("begin", _numbers), Operand("size", lambda operand, x, y: (1, *y.shape[1:]))),
        one_scale=True,
    ),
    Builtin(
        StridedSlice,
        "STRIDED_SLICE",
        "StridedSliceOptions",
        _by_type(1, 2),
        _alike(1),
        (),
        (Operand("begin", _numbers), Operand("end", _numbers), Operand("strides", _numbers)),
        settle=_cut,
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
        (Operand("order", _numbers),),
        one_scale=True,
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


def enumeration_name(enumeration: str, number: int) -> str:
    """The schema's name of a value; the number itself when the schema here is older than the file."""
    names = {value: name for name, value in vars(getattr(schema, enumeration)).items() if not name.startswith("_")}
    return str(names.get(number, number))
