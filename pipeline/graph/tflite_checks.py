"""What a layer of a TFLite file may be for us to carry it: each check gives a reason code, a sentence and a remedy."""

from collections.abc import Iterator
from typing import Any

from .operators.nonlinear import shrinks_too_much
from .passes.fixed_scales import FIXED
from .tensor import Tensor
from .tflite_builtin import Builtin
from .tflite_options import read_options

Reason = tuple[str, str]


def batch_reasons(tensor: Tensor) -> list[str]:
    """Why an input of the file cannot be carried."""
    if tensor.shape[:1] == (1,) and all(length > 0 for length in tensor.shape):
        return []
    return [
        f"T-BATCH  input {tensor.name!r}: has shape {tensor.shape}; a first axis of 1 is carried;"
        " convert the model again with a fixed batch of 1"
    ]


def node_reasons(builtin: Builtin, options: Any, inputs: list[Tensor], outputs: list[Tensor]) -> list[Reason]:
    """Every reason why a layer of a known operator cannot be carried; empty when it can."""
    arity = list(_arity(builtin, inputs, outputs))
    if arity:
        return arity
    checks = (_types, _scales, _weights, _one_scale, _fixed_scale, _hard_swish)
    found = [reason for check in checks for reason in check(builtin, inputs, outputs[0])]
    return [*found, *_options(builtin, options), *_operand(builtin, inputs), *_table(builtin, options, inputs)]


def _arity(builtin: Builtin, inputs: list[Tensor], outputs: list[Tensor]) -> Iterator[Reason]:
    counts = {len(types) - 1 + len(builtin.operands) for types in builtin.types}
    if builtin.variadic and inputs:
        counts = {len(inputs)}
    if builtin.code == "RESHAPE":
        counts.add(1)  # the shape may stand in the options alone
    if len(outputs) != 1 or len(inputs) not in counts:
        wanted = " or ".join(str(count) for count in sorted(counts))
        yield (
            "T-OPERANDS",
            f"{builtin.code} has {len(inputs)} inputs and {len(outputs)} outputs; {wanted} inputs and 1 output are"
            " carried; convert the model again",
        )


def _types(builtin: Builtin, inputs: list[Tensor], output: Tensor) -> Iterator[Reason]:
    values = inputs[: len(inputs) - len(builtin.operands) or None] if builtin.code != "RESHAPE" else inputs[:1]
    if builtin.variadic and len({tensor.dtype for tensor in values}) == 1:
        values = values[:1]
    types = tuple(tensor.dtype for tensor in (*values, output))
    if types not in builtin.types:
        there = " or ".join(f"({', '.join(known)})" for known in sorted(builtin.types) if len(known) == len(types))
        yield (
            "T-TYPE",
            f"{builtin.code} on ({', '.join(types)}) is not carried; there is {there};"
            " convert the model to float32 or to full integer (int8)",
        )


def _scales(builtin: Builtin, inputs: list[Tensor], output: Tensor) -> Iterator[Reason]:
    for tensor in (*inputs[:2], output):
        if tensor.dtype == "int8" and tensor.quantization is None:
            yield "T-SCALE", f"int8 tensor {tensor.name!r} has no scale; convert the model again as full integer"


def _weights(builtin: Builtin, inputs: list[Tensor], output: Tensor) -> Iterator[Reason]:
    if not builtin.weighted:
        return
    for tensor in inputs[1:]:
        if not tensor.constant:
            yield "T-WEIGHTS", f"weights {tensor.name!r} are computed; constant weights are carried"
        if tensor.quantization is not None and tensor.quantization.zero_point != 0:
            yield "T-SCALE", f"weights {tensor.name!r} have zero point {tensor.quantization.zero_point}; 0 is carried"


def _one_scale(builtin: Builtin, inputs: list[Tensor], output: Tensor) -> Iterator[Reason]:
    sources = inputs if builtin.variadic or builtin.code in ("MAXIMUM", "MINIMUM") else inputs[:1]
    if builtin.one_scale and output.dtype == "int8" and any(x.quantization != output.quantization for x in sources):
        yield (
            "T-SCALE",
            f"{builtin.code} changes scale or zero point; its kernel does not rescale, so both must be equal;"
            " convert the model again, or put a QUANTIZE before it",
        )


def _fixed_scale(builtin: Builtin, inputs: list[Tensor], output: Tensor) -> Iterator[Reason]:
    found, given = output.quantization, FIXED.get(builtin.operator.__name__)
    if given is not None and output.dtype == "int8" and found is not None and found != given:
        yield (
            "T-SCALE",
            f"int8 {builtin.code} has output scale {found.per_tensor_scale:g} and zero point {found.zero_point};"
            f" its kernel gives 1/{1 / given.per_tensor_scale:g} and {given.zero_point}; convert the model again",
        )


def _hard_swish(builtin: Builtin, inputs: list[Tensor], output: Tensor) -> Iterator[Reason]:
    x, y = inputs[0].quantization, output.quantization
    if builtin.code == "HARD_SWISH" and x is not None and y is not None and shrinks_too_much(x, y):
        yield (
            "T-SCALE",
            f"HARD_SWISH takes scale {x.per_tensor_scale:g} to {y.per_tensor_scale:g}; its kernel takes it to more than"
            " 1/128 of it; convert the model again with an output range that is not as narrow",
        )


def _options(builtin: Builtin, options: Any) -> Iterator[Reason]:
    try:
        read_options(builtin, options)
    except ValueError as error:
        yield "T-OPTION", f"{builtin.code}: {error}"
    if builtin.code == "LEAKY_RELU" and getattr(options, "alpha", 0) < 0:
        yield "T-OPTION", f"{builtin.code}: a negative slope, {options.alpha:g}, is not carried; PRELU carries it"
    refused = ("ellipsisMask", "newAxisMask", "shrinkAxisMask", "adjX")
    for name in [name for name in refused if getattr(options, name, 0)]:
        yield "T-OPTION", f"{builtin.code}: {name} is not carried; cut or turn first and reshape then"
    if getattr(options, "weightsFormat", 0) != 0:
        yield "T-OPTION", f"{builtin.code}: shuffled weights are not carried; convert the model again with plain ones"


def _operand(builtin: Builtin, inputs: list[Tensor]) -> Iterator[Reason]:
    if builtin.code == "RESHAPE":
        return  # the shape of a reshape is that of its output
    for operand, tensor in zip(reversed(builtin.operands), reversed(inputs), strict=False):
        if not tensor.constant:
            yield (
                "T-OPERANDS",
                f"{builtin.code}: its {operand.attribute} are computed in the model; constant ones are carried",
            )


def _table(builtin: Builtin, options: Any, inputs: list[Tensor]) -> Iterator[Reason]:
    if builtin.code != "GATHER":
        return
    if not inputs[0].constant:
        yield "T-OPERANDS", f"GATHER from {inputs[0].name!r}, which is computed; a constant table is carried"
    if getattr(options, "axis", 0) or getattr(options, "batchDims", 0):
        yield (
            "T-OPTION",
            f"GATHER along axis {options.axis} with batchDims {options.batchDims}; rows are gathered, 0 and 0",
        )
