"""TFLite metadata, as Android's tools read them: what tensors mean in the file itself, and labels in a zip behind it.

TensorFlow's metadata_schema.fbs, version 1.1.0 (file identifier M001), says which field is which.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import flatbuffers
import numpy as np

from ..graph.flatbuffer import DESCRIBED as NAME
from .contract import Contract

IDENTIFIER = b"M001"
PARSER = "1.0.0"  # the oldest that understands what is written here
LABELS = "labels.txt"
AXIS_LABELS = 2  # AssociatedFileType.TENSOR_AXIS_LABELS
FEATURES, IMAGE = 1, 2  # of the union ContentProperties
COLOUR_SPACES = {1: 2, 3: 1}  # channels -> ColorSpaceType: GRAYSCALE, RGB
NORMALIZATION = 1  # of the union ProcessUnitOptions

__all__ = ["LABELS", "NAME", "described", "labelled"]


def described(contract: Contract) -> bytes:
    """The buffer that belongs under `NAME` in the file's metadata."""
    writer = _Writer(contract)
    return writer.written()


def labelled(model: bytes, contract: Contract) -> bytes:
    """The file with its labels zipped behind it, as `described` says; stored, so that nothing need be unpacked."""
    if contract.task.kind != "classify":
        return model
    whole = io.BytesIO(model)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(LABELS), labels(contract))  # of no date: the same bytes every time
    return whole.getvalue()


def labels(contract: Contract) -> str:
    """One label a line."""
    return "".join(f"{label}\n" for label in contract.task.labels)


@dataclass
class _Writer:
    """A table is written after all that it points to."""

    contract: Contract
    builder: flatbuffers.Builder = field(default_factory=lambda: flatbuffers.Builder(1024))

    def written(self) -> bytes:
        subgraph = self._table({2: self._tables([self._input()]), 3: self._tables([self._output()])}, 7)
        name, description = self.contract.name, self.contract.task.said(self.contract.shape[1:])
        texts = {0: self._text(name), 1: self._text(description), 7: self._text(PARSER)}
        root = self._table({**texts, 3: self._tables([subgraph])}, 8)
        self.builder.Finish(root, IDENTIFIER)
        return bytes(self.builder.Output())

    def _input(self) -> int:
        raw = self.contract.preprocess
        about = "token ids" if raw.of_tokens else "raw values, normalized"
        parts = {0: self._text("input"), 1: self._text(about), 3: self._content()}
        own = {len(some) for some in (raw.mean, raw.std)}
        if not raw.of_tokens and own <= {1, raw.shape[-1]}:  # a column's own have no place here
            mean, std = (self._reals([one * raw.divisor for one in some]) for some in (raw.mean, raw.std))
            options = self._table({0: mean, 1: std}, 2)
            parts[4] = self._tables([self._table({1: options}, 2, union=NORMALIZATION)])
        return self._table(parts, 7)

    def _output(self) -> int:
        task = self.contract.task
        parts = {
            0: self._text("output"),
            1: self._text(task.kind),
            3: self._table({1: self._table({}, 0)}, 3, FEATURES),
        }
        if task.kind == "classify":
            named = {0: self._text(LABELS), 1: self._text("the label of every output")}
            parts[6] = self._tables([self._labels(named)])
        return self._table(parts, 7)

    def _labels(self, texts: Mapping[int, int]) -> int:
        self.builder.StartObject(4)
        self.builder.PrependInt8Slot(2, AXIS_LABELS, 0)
        return self._ended(texts)

    def _content(self) -> int:
        if not self.contract.takes_pictures:
            return self._table({1: self._table({}, 0)}, 3, FEATURES)
        self.builder.StartObject(2)
        self.builder.PrependInt8Slot(0, COLOUR_SPACES[self.contract.preprocess.shape[-1]], 0)
        return self._table({1: self.builder.EndObject()}, 3, IMAGE)

    def _text(self, text: str) -> int:
        return int(self.builder.CreateString(text))

    def _reals(self, values: Sequence[float]) -> int:
        return int(self.builder.CreateNumpyVector(np.asarray(values, np.float32)))

    def _tables(self, tables: Sequence[int]) -> int:
        self.builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            self.builder.PrependUOffsetTRelative(table)
        return int(self.builder.EndVector())

    def _table(self, parts: Mapping[int, int], fields: int, union: int | None = None) -> int:
        """A table of so many fields; `parts` are the places of what it points to. Of a union, field 0 says which."""
        self.builder.StartObject(fields)
        if union is not None:
            self.builder.PrependUint8Slot(0, union, 0)
        return self._ended(parts)

    def _ended(self, parts: Mapping[int, int]) -> int:
        for number, place in parts.items():
            self.builder.PrependUOffsetTRelativeSlot(number, place, 0)
        return int(self.builder.EndObject())
