"""Products of matrices that both depend on the input."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..fixed_point import multiply, quantize_multiplier
from ..tensor import Tensor
from .activation import clamped
from .operator import Arrays, Shape, quantization


@dataclass(frozen=True)
class BatchMatMul:
    """a (n,...,m,k) by b (n,...,k,p), or with `transposed` b (n,...,p,k) -> (n,...,m,p); each has its own scale."""

    transposed: bool = False

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        a, b = inputs
        inner, outer = (b[-1], b[-2]) if self.transposed else (b[-2], b[-1])
        if len(a) < 3 or len(a) != len(b) or a[-1] != inner or a[:-2] != b[:-2]:
            raise ValueError(f"a product of {a} and {b}" + (", transposed" if self.transposed else ""))
        return (*a[:-1], outer)

    def macs(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
        return prod(outputs[0].shape) * inputs[0].shape[-1]

    def compute(self, inputs: Arrays) -> NDArray[Any]:
        a, b = inputs
        product: NDArray[Any] = a @ (b.swapaxes(-1, -2) if self.transposed else b)
        return product

    def compute_integer(self, inputs: Arrays, tensors: Sequence[Tensor], output: Tensor) -> NDArray[Any]:
        a, b, y = (quantization(tensor) for tensor in (*tensors, output))
        multiplier = quantize_multiplier(a.per_tensor_scale * b.per_tensor_scale / y.per_tensor_scale)
        # float64 holds every sum of products of 9-bit integers exactly, and BLAS is fast
        centred = [x.astype(np.float64) - q.zero_point for x, q in zip(inputs, (a, b), strict=True)]
        sums = self.compute(centred).astype(np.int64)
        return clamped(multiply(sums, multiplier) + y.zero_point, "none", output)
