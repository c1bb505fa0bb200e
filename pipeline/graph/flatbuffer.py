"""A TFLite file as the schema's objects: read whole and checked, or written with every buffer aligned."""

import struct
from dataclasses import dataclass
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from ..errors import BadModel

IDENTIFIER = b"TFL3"
ALIGNMENT = 16  # bytes; what the schema asks for its buffers, so that kernels may load vectors from them
WRITTEN_BY = b"edgestill"
DESCRIBED = "TFLITE_METADATA"  # the entry in which Android's tools look for what tensors mean
DAMAGE = (
    struct.error,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
)  # reading nonsense


class AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose bytes start at a multiple of 16 in the file; the generated class gives 4."""

    def Pack(self, builder: Any) -> Any:
        vector = self._vector(builder) if self.data is not None else None
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)

    def _vector(self, builder: Any) -> Any:
        length = len(self.data)
        builder.StartVector(1, length, ALIGNMENT)
        builder.head = builder.Head() - length
        builder.Bytes[builder.Head() : builder.Head() + length] = self.data
        return builder.EndVector()


@dataclass(frozen=True)
class File:
    """The parts of a TFLite file that carry a model: one subgraph, its operator codes and the bytes of its buffers."""

    subgraph: Any
    codes: list[Any]
    buffers: list[Any]
    metadata: dict[str, bytes]  # of files that we wrote; what others keep there has no meaning for us


def pack(model: Any) -> bytes:
    """The bytes of a schema.ModelT."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def unpack(data: bytes, where: str) -> File:
    """The parts of a file; BadModel when it is damaged, no TFLite at all, or keeps its weights outside."""
    if len(data) < 8 or data[4:8] != IDENTIFIER:
        raise BadModel(f"{where}: not a TFLite file: its bytes 4 to 8 are {data[4:8]!r}, expected {IDENTIFIER!r}")
    try:
        return _parts(schema.Model.GetRootAs(data, 0), where)
    except DAMAGE as error:
        raise BadModel(f"{where}: damaged or cut short; get the file again") from error


def _parts(model: Any, where: str) -> File:
    if model.SubgraphsLength() != 1:
        raise BadModel(f"{where}: holds {model.SubgraphsLength()} subgraphs; models with exactly one are carried")
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    outside = [index for index, buffer in enumerate(buffers) if buffer.Offset() > 1]
    if outside:
        raise BadModel(
            f"{where}: {len(outside)} of {len(buffers)} buffers keep their data outside the flatbuffer, which TFLite"
            " Micro reads as garbage; convert the model again with its weights embedded"
        )
    return File(
        subgraph=schema.SubGraphT.InitFromObj(model.Subgraphs(0)),
        codes=[schema.OperatorCodeT.InitFromObj(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())],
        buffers=[None if buffer.DataIsNone() else buffer.DataAsNumpy() for buffer in buffers],
        metadata=_metadata(model) if model.Description() == WRITTEN_BY else {},
    )


def _metadata(model: Any) -> dict[str, bytes]:
    entries = [model.Metadata(index) for index in range(model.MetadataLength())]
    return {
        entry.Name().decode(): model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
        for entry in entries
        if not model.Buffers(entry.Buffer()).DataIsNone()
    }
