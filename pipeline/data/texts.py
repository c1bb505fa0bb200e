"""Texts in files: a folder a class, as token ids that a device can compute without a vocabulary."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from ..features.hashed_text import HashedBytes, HashedWords
from ..preprocess import Preprocess
from ..progress import say
from .class_folders import Labelled, read_each
from .dataset import DataSet, Split
from .folder_dataset import read_classes
from .own import check_shares, own_path

ENDINGS = (".txt",)


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The first `length` words of a text, or runs of `n` bytes, as numbers below `buckets`: hashes, so that no
    vocabulary travels with a model. A net's own `buckets` must be as many.
    """

    tokens: Literal["words", "bytes"] = "words"
    n: int = 3
    buckets: int = 2048
    length: int = 128

    def __post_init__(self) -> None:
        _ = self.front_end

    @property
    def front_end(self) -> HashedWords | HashedBytes:
        if self.tokens == "bytes":
            return HashedBytes(self.n, self.buckets, self.length)
        return HashedWords(self.buckets, self.length)

    def split(self, text: Sequence[str], y: NDArray[Any], files: Sequence[str]) -> Split:
        """Token ids (n,length) int32 of these texts; of those that give the same ids only the first is kept."""
        ids = self.front_end.apply(text)
        rows = np.sort(np.unique(ids, axis=0, return_index=True)[1])
        return Split(ids, y.astype(np.int64), tuple(text), tuple(files)).take(rows)

    def preprocess(self, ids: NDArray[Any]) -> Preprocess:
        """What stands before a model of these token ids."""
        return Preprocess(ids.shape[1:], "int32", front_end=self.front_end)


@dataclass(frozen=True, kw_only=True)
class Texts(Tokens):
    """A folder of texts: `folder/CLASS/*.txt`, or `folder/train/CLASS`, `folder/test/CLASS` and perhaps
    `folder/validation/CLASS`, in UTF-8. What has no folder is drawn: shares of train.

    A text becomes the first `length` of its words, or of its runs of `n` bytes, as numbers below `buckets`: hashes, so
    that no vocabulary travels with a model. A net's own `buckets` must be as many. Texts that come out alike are one.
    """

    folder: str
    validation: float = 0.1
    test: float = 0.2
    licence: str = "yours"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shares(self.validation, self.test)

    def sources(self) -> Iterable[Path]:
        return (own_path(self.folder),)

    def read(self, seed: int) -> DataSet:
        """Token ids (n,length) int32, and the texts themselves."""
        return read_classes("texts", self, ENDINGS, seed, fit=self.preprocess)

    def read_files(self, part: Labelled, folder: Path) -> Split:
        """Token ids (n,length) of the texts in these files, and the texts; what is left out as alike is told."""
        texts = read_each(part.files, read_text, folder)
        files = [path.relative_to(folder).as_posix() for path in part.files]
        split = self.split(texts, part.y, files)
        alike = len(texts) - len(split)
        if alike:
            say(f"{folder.name}: {alike} of {len(texts)} texts are left out, for they give the same tokens as another")
        return split


def read_text(path: Path) -> str:
    """A text file in UTF-8, with or without a byte order mark; BadData when it is not, or is empty."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadData(f"{path}: cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise BadData(
            f"{path}: not UTF-8 ({error.reason} at byte {error.start}): iconv -f latin1 -t utf-8 {path.name} -o out.txt"
        ) from error
    if not text.strip():
        raise BadData(f"{path}: it holds no text")
    return text
