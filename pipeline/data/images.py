"""Images in files: a folder a class, of any size and of every common format."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData
from .class_folders import Labelled, files_with, read_each
from .dataset import DataSet, Split
from .folder_dataset import read_classes
from .own import check_shares, own_path

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
LARGEST = 4096  # pixels to a side that a model may be given

Fit = Literal["crop", "stretch"]


@dataclass(frozen=True, kw_only=True)
class Images:
    """A folder of images: `folder/CLASS/*.png`, or `folder/train/CLASS`, `folder/test/CLASS` and perhaps
    `folder/validation/CLASS`; png, jpg, bmp, gif, webp, tif, ppm, pgm.

    Every image is brought to `size` pixels, one number or height and width: the largest part of that shape is cut out
    of the middle (`crop`), or all of it is stretched. What has no folder is drawn: shares of train.
    """

    folder: str
    size: int | tuple[int, ...] = 32
    grey: bool = False
    fit: Fit = "crop"
    validation: float = 0.1
    test: float = 0.2
    licence: str = "yours"

    def __post_init__(self) -> None:
        check_shares(self.validation, self.test)
        if isinstance(self.size, tuple) and len(self.size) != 2:
            raise ValueError(f"size is {list(self.size)}; give one number, or height and width")
        if not all(1 <= side <= LARGEST for side in self.pixels):
            raise ValueError(f"size is {self.size}; every side must be 1 to {LARGEST} pixels")

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width."""
        return (self.size, self.size) if isinstance(self.size, int) else (self.size[0], self.size[1])

    def sources(self) -> Iterable[Path]:
        return (own_path(self.folder),)

    def read(self, seed: int) -> DataSet:
        """Images (n,height,width,3), or 1 channel where `grey`, uint8, 0..255."""
        return read_classes("images", self, ENDINGS, seed, divisor=255.0)

    def read_files(self, part: Labelled, folder: Path) -> Split:
        """The images in these files; BadData names every one that cannot be read."""
        names = tuple(path.relative_to(folder).as_posix() for path in part.files)
        return Split(read_images(part.files, folder, self.pixels, self.grey, self.fit), part.y, files=names)


def images_in(folder: Path, pixels: tuple[int, int], grey: bool) -> NDArray[np.uint8]:
    """All images of a folder (n,height,width,channels), whether they lie in classes or not."""
    return read_images(files_with(folder, ENDINGS), folder, pixels, grey)


def read_images(
    files: Iterable[Path], folder: Path, pixels: tuple[int, int], grey: bool, fit: Fit = "crop"
) -> NDArray[np.uint8]:
    """The images in these files (n,height,width,channels); BadData names every one that cannot be read."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return np.stack(read_each(list(files), lambda path: read_image(path, pixels, grey, fit), folder))


def read_image(path: Path, pixels: tuple[int, int], grey: bool, fit: Fit = "crop") -> NDArray[np.uint8]:
    """One image (height,width,3), or (height,width,1) where `grey`, upright as its EXIF orientation says."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=FORMATS) as opened:
            if opened.mode.startswith(("I", "F")):
                raise BadData(f"its values have more than 8 bits ({opened.mode}); save it with 8")
            whole = ImageOps.exif_transpose(opened).convert("L" if grey else "RGB")
    except Exception as error:  # a damaged file has many ways to be wrong
        raise BadData(f"{path}: not an image that can be read: {error}") from error
    height, width = pixels
    bilinear = Image.Resampling.BILINEAR
    sized = ImageOps.fit(whole, (width, height), bilinear) if fit == "crop" else whole.resize((width, height), bilinear)
    return np.asarray(sized, np.uint8).reshape(height, width, -1)
