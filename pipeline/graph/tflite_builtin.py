"""A builtin of TFLite: its version, options, types and operands, and the order in which a file keeps its inputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .tensor import Tensor
from .tflite_fields import Alignment, Field, Operand

T = TypeVar("T")


@dataclass(frozen=True)
class Builtin:
    """One row of the table. `types` are the dtypes of inputs and output that we carry, a missing bias left out."""

    operator: type[Any]
    code: str  # the schema's name of the builtin
    options: str  # the schema's name of its options; empty when it has none
    version: Callable[[Sequence[Tensor]], int]  # by the input tensors: the lowest that every runtime accepts
    types: frozenset[tuple[str, ...]]
    fields: tuple[Field | Alignment, ...] = ()
    operands: tuple[Operand, ...] = ()
    settle: Callable[[dict[str, Any], Any, Tensor], dict[str, Any]] = lambda attributes, options, x: attributes
    variadic: bool = False  # any number of inputs of one type
    weighted: bool = False  # the second and third input are constant weights and bias
    one_scale: bool = False  # input and output share scale and zero point
    backwards: bool = False  # the file begins with the operand, the weights and then the input

    def arranged(self, inputs: Sequence[T]) -> list[T]:
        """Inputs and operands in the file's order."""
        return [inputs[-1], inputs[1], inputs[0], *inputs[2:-1]] if self.backwards else list(inputs)

    def restored(self, inputs: Sequence[T]) -> list[T]:
        """A file's inputs in our order, its operands last."""
        return [inputs[2], inputs[1], *inputs[3:], inputs[0]] if self.backwards and len(inputs) > 2 else list(inputs)
