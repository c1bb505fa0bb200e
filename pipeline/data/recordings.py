"""Recordings in .wav files: a folder a class, as log-mel or MFCC features that a device can repeat."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from ..features.mel import LogMel, Mfcc
from ..progress import say
from .class_folders import Labelled, read_each
from .dataset import DataSet, Split
from .folder_dataset import read_classes
from .own import check_shares, own_path
from .splits import standardizing_columns
from .wav import read_wav

ENDINGS = (".wav", ".wave")


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """A folder of recordings: `folder/CLASS/*.wav`, or `folder/train/CLASS`, `folder/test/CLASS` and perhaps
    `folder/validation/CLASS`. PCM of 8 to 32 bits or floating point, at `sample_rate` hertz; channels are mixed.

    Of each, `seconds` from the middle are taken, with silence around where there are fewer. They become frames of
    `window` seconds every `hop` seconds, and those `coefficients` MFCC or `bands` log-mel bands from `low_hz` to
    `high_hz` (half the sample rate where it is not given).

    `group` is a regular expression for file names: what it finds (its first parenthesis, where it has one), such as
    the speaker, is never in two splits that are drawn. What has no folder is drawn: shares of train.
    """

    folder: str
    sample_rate: int = 16_000
    seconds: float = 1.0
    features: Literal["mfcc", "log-mel"] = "mfcc"
    window: float = 0.03
    hop: float = 0.02
    bands: int = 40
    coefficients: int = 13
    low_hz: float = 20.0
    high_hz: float | None = None
    floor: float = 1e-6
    lifter: int = 0
    group: str = ""
    validation: float = 0.1
    test: float = 0.2
    licence: str = "yours"

    def __post_init__(self) -> None:
        check_shares(self.validation, self.test)
        try:
            re.compile(self.group)
        except re.error as error:
            raise ValueError(f"group is {self.group!r}, which is not a regular expression: {error}") from error
        if not 0 < self.hop <= self.window <= self.seconds <= 60:
            raise ValueError(
                f"hop ({self.hop}), window ({self.window}) and seconds ({self.seconds}) must be above 0, "
                "each at least as long as the one before, up to 60 seconds"
            )
        _ = self.front_end

    @property
    def front_end(self) -> LogMel:
        """The front end in samples; its fft is the power of two that holds a window."""
        window, hop = round(self.window * self.sample_rate), round(self.hop * self.sample_rate)
        mel = LogMel(
            sample_rate=self.sample_rate,
            window=window,
            hop=hop,
            fft=2 ** max(math.ceil(math.log2(max(window, 1))), 1),
            bands=self.bands,
            low_hz=self.low_hz,
            high_hz=self.sample_rate / 2 if self.high_hz is None else self.high_hz,
            floor=self.floor,
            frames=max((round(self.seconds * self.sample_rate) - window) // max(hop, 1), 0) + 1,
        )
        if self.features == "log-mel":
            return mel
        return Mfcc(**vars(mel), coefficients=self.coefficients, lifter=self.lifter)

    def sources(self) -> Iterable[Path]:
        return (own_path(self.folder),)

    def read(self, seed: int) -> DataSet:
        """Features (n,frames,coefficients,1) or (n,frames,bands,1), float32."""
        fit = partial(standardizing_columns, front_end=self.front_end)
        return read_classes("recordings", self, ENDINGS, seed, fit=fit, groups=self._groups)

    def read_files(self, part: Labelled, folder: Path) -> Split:
        """The features of these files, (n,frames,coefficients,1) or (n,frames,bands,1); BadData names what has none."""
        front_end = self.front_end
        features = read_each(part.files, lambda path: front_end.apply(self._clip(path)[None])[0], folder)
        names = tuple(path.relative_to(folder).as_posix() for path in part.files)
        return Split(np.stack(features), part.y, files=names)

    def _clip(self, path: Path) -> NDArray[np.float32]:
        sound = read_wav(path)
        if sound.sample_rate != self.sample_rate:
            raise BadData(
                f"{path}: {sound.sample_rate} samples a second, expected {self.sample_rate}; write it again with "
                f"sox {path.name} -r {self.sample_rate} out.wav, or set sample_rate"
            )
        return centred(sound.waveform, self.front_end.samples)

    def _groups(self, found: Mapping[str, Labelled], folder: Path) -> tuple[str, ...] | None:
        """Whose every training file is; None where `group` is not given. A group that test has too is told of."""
        if not self.group:
            return None
        groups = {name: tuple(self._group(path, folder) for path in part.files) for name, part in found.items()}
        for name in groups.keys() - {"train"}:
            both = sorted(set(groups["train"]) & set(groups[name]))
            if both:
                say(f"{folder.name}: {', '.join(both[:5])} stand in train and in {name}; scores will be optimistic")
        return groups["train"]

    def _group(self, path: Path, folder: Path) -> str:
        found = re.search(self.group, path.name)
        if found is None:
            raise BadData(f"{path.relative_to(folder)}: group {self.group!r} finds nothing in its name")
        return found.group(min(len(found.groups()), 1)) or ""


def centred(waveform: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """The middle of a waveform (t,), or the whole with silence around it: (samples,)."""
    spare = len(waveform) - samples
    if spare >= 0:
        return waveform[spare // 2 : spare // 2 + samples]
    return np.pad(waveform, (-spare // 2, -spare - -spare // 2))
