"""A folder of files as samples for a model: what kind of files they are, and how they become what the model takes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..errors import BadData
from ..preprocess import Preprocess
from ..progress import say
from .class_folders import files_with
from .images import ENDINGS as IMAGES
from .images import Images, images_in
from .reader import Reader

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


KINDS = (FolderKind("images", IMAGES, _labelled_images, _unlabelled_images, _zero_to_one),)
