"""A folder of files as samples for a model: what kind of files they are, and how they become what the model takes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from ..features.hashed_text import HashedBytes, HashedWords
from ..features.mel import LogMel, Mfcc
from ..preprocess import Preprocess
from ..progress import say
from .class_folders import Labelled, files_with, read_each
from .images import ENDINGS as IMAGES
from .images import Images, images_in
from .reader import Reader
from .recordings import ENDINGS as SOUNDS
from .recordings import Recordings
from .texts import ENDINGS as TEXTS
from .texts import Texts, read_text

Shape = tuple[int, ...]


@dataclass(frozen=True)
class FolderKind:
    """How a folder of such files is read for a model that takes samples of a shape, and of which a preprocess is known.

    `labelled` reads one folder a class; `unlabelled` the files of one folder, raw (n, *shape); `raw` is the preprocess
    where the model says nothing of its own.
    """

    name: str
    endings: tuple[str, ...]
    labelled: Callable[[Path, Shape, Preprocess | None], Reader]
    unlabelled: Callable[[Path, Shape, Preprocess | None], NDArray[Any]]
    raw: Callable[[Path, Shape], Preprocess]


def kind_of(folder: Path) -> FolderKind:
    """The one kind of files that the folder holds; BadData when it holds none that can be read, or several."""
    found = [kind for kind in KINDS if files_with(folder, kind.endings)]
    if not found:
        endings = ", ".join(ending for kind in KINDS for ending in kind.endings)
        raise BadData(f"{folder}: there is no file in it that can be read as a sample: {endings}")
    if len(found) > 1:
        raise BadData(f"{folder}: it holds {' and '.join(kind.name for kind in found)}; give a folder of one kind")
    return found[0]


def has_classes(folder: Path, kind: FolderKind) -> bool:
    """Whether the files lie in folders of their own, one a class, and none lies beside those."""
    return all(path.parent != folder for path in files_with(folder, kind.endings))


def _size(folder: Path, shape: Shape) -> tuple[tuple[int, int], bool]:
    """Height and width of the images that a model takes, and whether they are grey."""
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise BadData(f"{folder}: images have one channel or three, (height, width, 1 or 3); the model takes {shape}")
    return (shape[0], shape[1]), shape[2] == 1


def _labelled_images(folder: Path, shape: Shape, preprocess: Preprocess | None) -> Reader:
    (height, width), grey = _size(folder, shape)
    return Images(folder=str(folder.absolute()), size=height if height == width else (height, width), grey=grey)


def _unlabelled_images(folder: Path, shape: Shape, preprocess: Preprocess | None) -> NDArray[Any]:
    return images_in(folder, *_size(folder, shape))


def _zero_to_one(folder: Path, shape: Shape) -> Preprocess:
    say(f"{folder}: the model does not say how it takes pixels; it is fed 0 to 1. For other values give an .npz")
    return Preprocess(shape, "uint8", 255.0)


def _recordings(folder: Path, shape: Shape, preprocess: Preprocess | None) -> Recordings:
    """Sounds become the features that the model was trained on: its front end travels in it."""
    front_end = preprocess and preprocess.front_end
    if not isinstance(front_end, LogMel):
        raise _no_front_end(folder, "sounds")
    rate, options = front_end.sample_rate, {"coefficients": front_end.bands, "lifter": 0, **vars(front_end)}
    shared = ("sample_rate", "bands", "low_hz", "high_hz", "floor", "coefficients", "lifter")
    return Recordings(
        folder=str(folder.absolute()),
        features="mfcc" if isinstance(front_end, Mfcc) else "log-mel",
        seconds=front_end.samples / rate,
        window=front_end.window / rate,
        hop=front_end.hop / rate,
        **{name: options[name] for name in shared},
    )


def _unlabelled_recordings(folder: Path, shape: Shape, preprocess: Preprocess | None) -> NDArray[Any]:
    files = files_with(folder, SOUNDS)
    unknown = Labelled(tuple(files), np.zeros(len(files), np.int64))
    return _recordings(folder, shape, preprocess).read_files(unknown, folder).x


def _texts(folder: Path, shape: Shape, preprocess: Preprocess | None) -> Texts:
    """Texts become the token ids that the model was trained on."""
    front_end, where = preprocess and preprocess.front_end, str(folder.absolute())
    if isinstance(front_end, HashedBytes):
        return Texts(folder=where, tokens="bytes", n=front_end.n, buckets=front_end.buckets, length=front_end.length)
    if isinstance(front_end, HashedWords):
        return Texts(folder=where, tokens="words", buckets=front_end.buckets, length=front_end.length)
    raise _no_front_end(folder, "texts")


def _unlabelled_texts(folder: Path, shape: Shape, preprocess: Preprocess | None) -> NDArray[Any]:
    texts = read_each(files_with(folder, TEXTS), read_text, folder)
    return _texts(folder, shape, preprocess).front_end.apply(texts)


def _no_preprocess(folder: Path, shape: Shape) -> Preprocess:
    raise _no_front_end(folder, "these files")


def _no_front_end(folder: Path, what: str) -> BadData:
    return BadData(f"{folder}: the model does not say how {what} become its input; give an .npz of what it takes")


KINDS = (
    FolderKind("images", IMAGES, _labelled_images, _unlabelled_images, _zero_to_one),
    FolderKind("sounds", SOUNDS, _recordings, _unlabelled_recordings, _no_preprocess),
    FolderKind("texts", TEXTS, _texts, _unlabelled_texts, _no_preprocess),
)
