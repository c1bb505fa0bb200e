"""What an operator is: attributes, the shape of its output, its float statement and its integer statement in numpy."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from ..tensor import Quantization, Tensor

Activation = Literal["none", "relu", "relu6"]
Padding = Literal["SAME", "VALID"]
Arrays = Sequence[NDArray[Any]]
Shape = tuple[int, ...]


class Operator(Protocol):
    """A frozen dataclass whose fields are its attributes. Inputs come in the order of TFLite's operator of that name.

    Constants that TFLite keeps as tensors but that never change (axes, paddings, a shape) are attributes here.
    """

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """The output's shape for these input shapes; ValueError when they do not fit."""
        ...

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        """Multiply-accumulates of one inference."""
        ...

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        """The float statement: float32 arrays with any batch, in and out."""
        ...

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        """The integer statement, equal to TFLite Micro's reference kernel to the last bit; any batch.

        `tensors` describe the inputs (quantization above all), `output` the result.
        """
        ...


def quantization(tensor: Tensor) -> Quantization:
    """How this tensor's integers stand for reals; ValueError when it does not say."""
    if tensor.quantization is None:
        raise ValueError(f"tensor {tensor.name!r} has no scale")
    return tensor.quantization
