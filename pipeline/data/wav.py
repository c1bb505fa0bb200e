"""Reads .wav files: PCM of 8, 16, 24 and 32 bits, and floating point; nothing is resampled."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
TYPES = {  # (format, bits) -> how one value is stored
    (PCM, 8): "u1",
    (PCM, 16): "<i2",
    (PCM, 24): "u1",
    (PCM, 32): "<i4",
    (FLOAT, 32): "<f4",
    (FLOAT, 64): "<f8",
}


@dataclass(frozen=True, eq=False)
class Sound:
    """A waveform (samples,) float32, its channels mixed into one, of -1 to 1 at `sample_rate` hertz."""

    waveform: NDArray[np.float32]
    sample_rate: int


@dataclass(frozen=True)
class _Format:
    kind: int
    channels: int
    sample_rate: int
    bits: int


def read_wav(path: Path) -> Sound:
    """The sound in a RIFF file (Microsoft, Multimedia Programming Interface 1.0); BadData says what is wrong."""
    try:
        chunks = dict(_chunks(path, path.read_bytes()))
    except OSError as error:
        raise BadData(f"{path}: cannot be read: {error}") from error
    for name in ("fmt ", "data"):
        if name not in chunks:
            raise BadData(f"{path}: a .wav file without its chunk {name.strip()!r}, or a damaged one")
    form = _format(path, chunks["fmt "])
    values = _values(chunks["data"], form)
    if not len(values):
        raise BadData(f"{path}: it holds no sound")
    if not np.isfinite(values).all():
        raise BadData(f"{path}: its sound holds nan or infinity")
    return Sound(np.asarray(values.mean(axis=1), np.float32), form.sample_rate)


def _chunks(path: Path, raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content, chunk by chunk; one that says it is longer than the file ends with it."""
    if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise BadData(f"{path}: not a .wav file; it starts with {raw[:4]!r}, expected b'RIFF'")
    start = 12
    while start + 8 <= len(raw):
        name, length = struct.unpack_from("<4sI", raw, start)
        yield name.decode("latin-1"), raw[start + 8 : start + 8 + length]
        start += 8 + length + length % 2


def _format(path: Path, chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise BadData(f"{path}: its chunk 'fmt' has {len(chunk)} bytes, expected at least 16")
    kind, channels, sample_rate, _, block, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == EXTENSIBLE and len(chunk) >= 26:
        (kind,) = struct.unpack_from("<H", chunk, 24)  # the subformat starts with the plain number
    if (kind, bits) not in TYPES:
        raise BadData(
            f"{path}: its format {kind} with {bits} bits is not read; PCM of 8, 16, 24 and 32 bits and floating point "
            f"are: sox {path.name} -b 16 -e signed-integer out.wav"
        )
    if not channels or not sample_rate or block != channels * bits // 8:
        raise BadData(
            f"{path}: its chunk 'fmt' contradicts itself: {channels} channels of {bits} bits in blocks of {block} bytes"
        )
    return _Format(kind, channels, sample_rate, bits)


def _values(data: bytes, form: _Format) -> NDArray[np.float64]:
    """(samples, channels) of -1 to 1; a torn last sample is left out."""
    width = form.channels * form.bits // 8
    stored = np.frombuffer(data[: len(data) // width * width], TYPES[form.kind, form.bits])
    if form.kind == FLOAT:
        values = stored.astype(np.float64)
    elif form.bits == 8:
        values = stored / 128 - 1
    elif form.bits == 24:
        low, middle, high = stored.reshape(-1, 3).T.astype(np.int32)
        values = (low | middle << 8 | high << 16) / 2**23
        values -= 2 * (values >= 1)
    else:
        values = stored / 2.0 ** (form.bits - 1)
    return np.asarray(values, np.float64).reshape(-1, form.channels)
