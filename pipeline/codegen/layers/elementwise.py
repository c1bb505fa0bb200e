"""Two tensors value by value, with broadcasting; one that meets a single constant is a table of 256 results."""

from collections.abc import Callable, Sequence
from math import prod
from typing import cast

from ...graph.fixed_point import Multiplier, quantize_multiplier
from ...graph.operators import Add, Maximum, Minimum, Mul, Sub
from ...graph.operators.activation import activation_range
from ...graph.operators.elementwise import HEADROOM, common_scale
from ...graph.operators.operator import quantization
from ...graph.tensor import Tensor
from ..layer import Emitter, Layer, Site
from .lookup import lookup
from .loops import Axis, broadcast_strides, indented, merged, nested, strides, together, without_last

Words = Callable[[str, str, str, Axis], Sequence[object]]  # a kernel's arguments by pointers y, a, b and the row
KERNELS = ("fixed_point.h", "instructions.h", "elementwise.h")
FIELDS = 4  # of a struct in one line


def tabulated(emitter: Emitter) -> Emitter:
    """An operator of one int8 value and a constant one is a function of 256 values; any other is the emitter's."""

    def emit(site: Site) -> Layer:
        singles = [tensor for tensor in site.inputs if tensor.data is not None and tensor.data.size == 1]
        return lookup(site) if len(singles) == 1 else emitter(site)

    return emit


@tabulated
def sum_(site: Site) -> Layer:
    """Add and Sub: both terms are brought to one scale, with `HEADROOM` bits more, and then to the output's."""
    operator, y = cast(Add | Sub, site.operator), quantization(site.output)
    common = common_scale(site.inputs)
    ends = quantize_multiplier(common / (2.0**HEADROOM * y.per_tensor_scale))
    least, greatest = activation_range(operator.activation, site.output)
    numbers = {
        **_term("a", site.inputs[0], common),
        **_term("b", site.inputs[1], common),
        "sign": 1 if isinstance(operator, Add) else -1,
        **{"multiplier": int(ends.significand), "right": -int(ends.exponent), "zero_point": y.zero_point},
        **{"least": least, "greatest": greatest},
    }
    return _rows(
        site,
        "sum_rows",
        lambda to, one, other, row: (one, _step(row, 1), other, _step(row, 2), _count(row), "&numbers", to),
        _struct("sum", numbers),
    )


@tabulated
def mul(site: Site) -> Layer:
    """Products of what lies above the zero points."""
    operator = cast(Mul, site.operator)
    a, b, y = (quantization(tensor) for tensor in (*site.inputs, site.output))
    multiplier = quantize_multiplier(a.per_tensor_scale * b.per_tensor_scale / y.per_tensor_scale)
    end = (*_with_shift(multiplier), y.zero_point, *activation_range(operator.activation, site.output))
    return _rows(
        site,
        "product_rows",
        lambda to, one, other, row: (
            *(one, _step(row, 1), a.zero_point, other, _step(row, 2), b.zero_point, _count(row)),
            *(*end, to),
        ),
    )


@tabulated
def prelu(site: Site) -> Layer:
    """What is negative times a slope, a value of its own for each channel or for each position."""
    x, slope, y = (quantization(tensor) for tensor in (*site.inputs, site.output))
    kept = quantize_multiplier(x.per_tensor_scale / y.per_tensor_scale)
    leaked = quantize_multiplier(x.per_tensor_scale * slope.per_tensor_scale / y.per_tensor_scale)
    end = (*_with_shift(kept), *_with_shift(leaked), y.zero_point)
    return _rows(
        site,
        "prelu_rows",
        lambda to, one, other, row: (
            *(one, _step(row, 1), x.zero_point, other, _step(row, 2), slope.zero_point, _count(row)),
            *(*end, to),
        ),
    )


@tabulated
def bound(site: Site) -> Layer:
    """Maximum and Minimum: of integers, for all three share one scale."""
    lesser = int(isinstance(cast(Maximum | Minimum, site.operator), Minimum))
    return _rows(
        site,
        "bound_rows",
        lambda to, one, other, row: (one, _step(row, 1), other, _step(row, 2), lesser, _count(row), to),
    )


def _rows(site: Site, kernel: str, words: Words, before: str = "") -> Layer:
    """The kernel along the innermost axis of both inputs, and loops around it."""
    shape = site.output.shape
    each = (strides(shape), *(broadcast_strides(tensor.shape, shape) for tensor in site.inputs))
    outer, row = without_last(merged(together(shape, *each)), pointers=3)

    def call(to: str, one: str, other: str) -> str:
        return f"{kernel}({', '.join(map(str, words(to, one, other, row)))});"

    body = indented(nested(outer, ("y", "x0", "x1"), call))
    return Layer(before + body, kernels=KERNELS, in_place=_in_place(site))


def _in_place(site: Site) -> tuple[int, ...]:
    """An input that is as large as the output is read at each place just before the output is written there."""
    size = prod(site.output.shape)
    return tuple(k for k, x in enumerate(site.inputs) if not x.constant and prod(x.shape) == size)


def _term(name: str, tensor: Tensor, common: float) -> dict[str, int]:
    scale = quantization(tensor)
    made = quantize_multiplier(scale.per_tensor_scale / common)
    return {
        f"{name}_zero_point": scale.zero_point,
        f"{name}_multiplier": int(made.significand),
        f"{name}_right": -int(made.exponent),
    }


def _struct(kind: str, numbers: dict[str, int]) -> str:
    """Numbers by name, of which a compiler leaves nothing in memory."""
    fields = [f".{name} = {number}" for name, number in numbers.items()]
    lines = [", ".join(fields[start : start + FIELDS]) for start in range(0, len(fields), FIELDS)]
    inside = ",\n".join(f"        {line}" for line in lines)
    return f"    static const struct {kind} numbers = {{\n{inside}}};\n"


def _with_shift(multiplier: Multiplier) -> tuple[int, int]:
    return int(multiplier.significand), int(multiplier.exponent)


def _step(row: Axis, pointer: int) -> str:
    return f"{row.steps[pointer]}u"


def _count(row: Axis) -> str:
    return f"{row.length}u"
