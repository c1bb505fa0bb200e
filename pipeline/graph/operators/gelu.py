"""The Gaussian error linear unit, which float files hold; integer graphs say it by a logistic function."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor
from .operator import Arrays, Shape, quantization

# erf(x) = 1 - (a1 t + ... + a5 t^5) exp(-x^2), t = 1 / (1 + p x), x >= 0, within 1.5e-7: Abramowitz and Stegun, 7.1.26
ERF_P, ERF_A = 0.3275911, (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
TANH_CUBIC = 0.044715


@dataclass(frozen=True)
class Gelu:
    """x times the probability that a standard normal value is below x (Hendrycks and Gimpel, 2016).

    `approximate` takes the authors' own approximation by a hyperbolic tangent.
    """

    approximate: bool = False

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return 0

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        (x,) = inputs
        wide = x.astype(np.float64)
        inner = np.sqrt(2 / np.pi) * (wide + TANH_CUBIC * wide**3)
        below: NDArray[Any] = 0.5 * (1 + (np.tanh(inner) if self.approximate else _erf(wide / np.sqrt(2))))
        found: NDArray[Any] = (wide * below).astype(x.dtype)
        return found

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        """Rounded from the reals, as LiteRT's table is; TFLite Micro has no such kernel."""
        return quantization(output).quantize(self.compute([quantization(tensors[0]).dequantize(inputs[0])]))


def _erf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    t = 1 / (1 + ERF_P * np.abs(x))
    polynomial = np.polyval([*ERF_A, 0.0], t).astype(np.float64)
    return np.sign(x) * (1 - polynomial * np.exp(-(x**2)))
