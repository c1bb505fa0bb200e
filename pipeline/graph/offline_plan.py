"""A memory plan as the metadata by which TFLite Micro places activations as it is told.

The format is TFLite Micro's `docs/memory_management.md`: int32 version, subgraphs, tensors, then an offset a tensor in
the file's order, -1 where there is nothing to place.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import BadModel
from .flatbuffer import File, unpack
from .tflite_tensors import TensorTable

NAME = "OfflineMemoryAllocation"
VERSION, SUBGRAPHS, NOT_PLACED = 1, 1, -1


def encoded(offsets: Mapping[str, int], names: Sequence[str]) -> bytes:
    """The metadata's bytes, for all tensors of a file in its order."""
    words = [VERSION, SUBGRAPHS, len(names), *(offsets.get(name, NOT_PLACED) for name in names)]
    return np.array(words, "<i4").tobytes()


def read_offline_plan(data: bytes, where: str = "") -> Mapping[str, int] | None:
    """The offsets by tensor name of a file that we wrote; None where it leaves the planning to TFLite Micro."""
    file = unpack(data, where)
    return _decoded(file, where) if NAME in file.metadata else None


def unnamed(data: bytes) -> bytes:
    """The file with its plan under another name, so that nobody follows it; it stays as long as it is."""
    return data.replace(NAME.encode(), NAME.swapcase().encode())


def _decoded(file: File, where: str) -> dict[str, int]:
    stored = file.metadata[NAME]
    words = np.frombuffer(stored[: len(stored) // 4 * 4], "<i4")
    names = [tensor.name for tensor in TensorTable(file, where).of(range(len(file.subgraph.tensors or [])))]
    if len(words) != 3 + len(names) or list(words[:3]) != [VERSION, SUBGRAPHS, len(names)]:
        raise BadModel(f"{where}: its memory plan is not one for its {len(names)} tensors; write the file again")
    return {name: int(offset) for name, offset in zip(names, words[3:], strict=True) if offset != NOT_PLACED}
