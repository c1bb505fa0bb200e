"""The tensors of a TFLite file, read by index when they are asked for: type, shape, scales, constant data."""

from math import prod
from typing import Any, cast

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ..errors import BadModel
from .flatbuffer import File
from .limits import LARGEST, MEMORY
from .tensor import DType, Quantization, Tensor
from .tflite_fields import enumeration_name

DTYPES: dict[int, DType] = {
    getattr(schema.TensorType, name.upper()): name
    for name in ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")
}


class TensorTable:
    """Tensors by index, with unique names; of a type that we do not carry, dtype is the schema's name of it."""

    def __init__(self, file: File, where: str) -> None:
        self._entries = file.subgraph.tensors or []
        self._buffers = file.buffers
        self._where = where
        self._names = _unique([(entry.name or b"").decode(errors="replace") for entry in self._entries])
        self._read: dict[int, Tensor] = {}
        self._left = MEMORY

    def of(self, indices: Any) -> list[Tensor]:
        """The tensors at these indices; a negative one is an input left out."""
        return [self._at(int(index)) for index in (indices if indices is not None else []) if index >= 0]

    def _at(self, index: int) -> Tensor:
        if index not in self._read:
            self._read[index] = self._tensor(self._entries[index], self._names[index])
        return self._read[index]

    def _tensor(self, entry: Any, name: str) -> Tensor:
        shape = tuple(int(length) for length in (entry.shape if entry.shape is not None else ()))
        dtype = DTYPES.get(entry.type) or cast(DType, enumeration_name("TensorType", entry.type))
        place = f"{self._where}: tensor {name!r}"
        self._spend(shape, place)
        data = _data(self._buffers[entry.buffer], shape, dtype, place)
        return Tensor(name, shape, dtype, _quantization(entry.quantization, shape, dtype, place), data, origin=name)

    def _spend(self, shape: tuple[int, ...], place: str) -> None:
        """BadModel when a shape asks for more than a tensor, or all of them together, may."""
        if min(shape, default=1) < 0:
            raise BadModel(f"{place}: has shape {shape}; lengths are not negative; get the file again")
        if prod(shape) > LARGEST:
            raise BadModel(f"{place}: has shape {shape}; tensors of up to {LARGEST} values are carried")
        self._left -= 8 * prod(shape)
        if self._left < 0:
            raise BadModel(f"{place}: is one too many: all tensors together may have {MEMORY // 8} values")


def _unique(names: list[str]) -> list[str]:
    """The names themselves; one that is empty or there already gets its index."""
    unique: dict[str, None] = {}
    for index, name in enumerate(names):
        while not name or name in unique:
            name = f"{name}#{index}"
        unique[name] = None
    return list(unique)


def _data(raw: NDArray[np.uint8] | None, shape: tuple[int, ...], dtype: DType, place: str) -> NDArray[Any] | None:
    """A buffer's bytes as an array of their own, bytes still when the type is not ours; None when there are none."""
    if raw is None or raw.size == 0:
        return None
    if dtype not in DTYPES.values():
        return raw
    expected = prod(shape) * np.dtype(dtype).itemsize
    if raw.size != expected:
        raise BadModel(f"{place}: has {raw.size} bytes of data, its shape {shape} wants {expected}; get the file again")
    return np.frombuffer(raw.tobytes(), np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)


def _quantization(stored: Any, shape: tuple[int, ...], dtype: DType, place: str) -> Quantization | None:
    if stored is None or stored.scale is None or len(stored.scale) == 0:
        return None
    scale = np.array(stored.scale, np.float32)
    zero_points = {int(point) for point in (stored.zeroPoint if stored.zeroPoint is not None else ())} or {0}
    axis = None if scale.size == 1 else int(stored.quantizedDimension)
    if axis is not None and shape[axis : axis + 1] != (scale.size,):
        raise BadModel(f"{place}: has {scale.size} scales along axis {axis} of shape {shape}; convert the model again")
    if len(zero_points) > 1:
        raise BadModel(f"{place}: has several zero points, its kernel takes one; convert the model again")
    limits = np.iinfo(dtype) if dtype in ("int8", "uint8", "int16") else np.iinfo("int32")
    if not all(limits.min <= point <= limits.max for point in zero_points):
        raise BadModel(f"{place}: has a zero point that is no {dtype}; convert the model again")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise BadModel(f"{place}: has a scale that is not positive and finite; convert the model again")
    return Quantization(scale, zero_points.pop(), axis)
