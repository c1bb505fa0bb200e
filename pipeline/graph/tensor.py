"""A value of the graph: its name, shape, type, how its integers stand for reals, and its data when it is constant."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

DType = Literal["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]


@dataclass(frozen=True, eq=False)
class Quantization:
    """`real = scale * (integer - zero_point)`; float32 scales, one a tensor (axis None) or one a channel of `axis`."""

    scale: NDArray[np.float32]
    zero_point: int = 0
    axis: int | None = None

    @property
    def per_tensor_scale(self) -> float:
        """The one scale of a tensor quantized as a whole, as the float64 value of its float32."""
        return float(self.scale[0])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Quantization)
            and self.zero_point == other.zero_point
            and np.array_equal(self.scale, other.scale)
            and (self.axis == other.axis or self.scale.size == 1)  # one scale is the same along any axis
        )

    def quantize(self, real: NDArray[Any], dtype: DType = "int8") -> NDArray[Any]:
        """Reals to integers, rounded half to even and clipped to the type; along `axis` where there is one."""
        limits = np.iinfo(dtype)
        steps = np.round(np.asarray(real, np.float64) / self._broadcast(np.ndim(real))) + self.zero_point
        return np.clip(steps, limits.min, limits.max).astype(dtype)

    def dequantize(self, integers: NDArray[Any]) -> NDArray[np.float32]:
        """Integers to float32 reals."""
        steps = integers.astype(np.float64) - self.zero_point
        return (steps * self._broadcast(integers.ndim)).astype(np.float32)

    def _broadcast(self, rank: int) -> NDArray[np.float64]:
        scale = self.scale.astype(np.float64)
        if self.axis is None:
            return scale.reshape((1,) * rank) if rank else scale
        return scale.reshape([-1 if axis == self.axis else 1 for axis in range(rank)])


def per_tensor(scale: float, zero_point: int) -> Quantization:
    """One scale for the whole tensor, rounded to float32 as every file stores it."""
    return Quantization(np.array([scale], np.float32), int(zero_point))


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor, channels last; batch is 1 in files, and any where a graph is computed in memory.

    `origin` is the name it had in the file it was read from: for messages, never compared and never written.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType = "float32"
    quantization: Quantization | None = None
    data: NDArray[Any] | None = None
    origin: str = field(default="")

    @property
    def constant(self) -> bool:
        return self.data is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return False
        same = (self.name, self.shape, self.dtype, self.quantization) == (
            other.name,
            other.shape,
            other.dtype,
            other.quantization,
        )
        if self.data is None or other.data is None:
            return same and self.data is other.data
        return same and np.array_equal(self.data, other.data)
