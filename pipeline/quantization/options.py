"""What a user may choose about quantization."""

from dataclasses import dataclass
from typing import Literal

from ...calibration.ranges import METHODS, Method
from ..errors import BadInput, choices
from ..graph.onnx_writer import IntegerType


@dataclass(frozen=True)
class QuantizationOptions:
    """How ranges are chosen, whether biases are corrected on the calibration samples, and the input's range.

    The input's range is chosen as the others are, but covers all that was seen of samples of 8 bits. It may be given
    as (low, high) in the model's own units: with the least and the greatest value that an 8-bit sample can take, its
    steps become the steps of the integers.
    """

    ranges: Method = "mse"
    bias_correction: bool = True
    input_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.ranges not in METHODS:
            raise BadInput(
                f"quantization: ranges: no method {self.ranges!r}; there are {choices(METHODS, self.ranges)}"
            )
        if self.input_range is not None and not self.input_range[0] < self.input_range[1]:
            raise BadInput(f"quantization: input_range {self.input_range} is empty; give (low, high)")


@dataclass(frozen=True)
class FileOptions:
    """What is written of an integer graph.

    With `io` "float" a TFLite twin besides, which takes and gives floats; `activations` is the type of those in the
    ONNX file; with `ort`, that file in ONNX Runtime's own format besides. `stripped` files carry no metadata: neither
    labels nor preprocess, and nobody can tell what they were made of. With `own` the float model itself besides, which
    its owner has in another format.
    """

    io: Literal["int8", "float"] = "int8"
    activations: IntegerType = "uint8"
    ort: bool = False
    stripped: bool = False
    own: bool = False
