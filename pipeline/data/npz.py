"""An .npz of the user's own: x and y, and perhaps a test split."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .arrays import NAMES, ArrayOptions, read_arrays
from .dataset import DataSet
from .own import own_name, own_path, own_source
from .splits import assembled, completed


@dataclass(frozen=True, kw_only=True)
class Npz(ArrayOptions):
    """An .npz with the arrays `x` and `y`, and where there are such `x_test`, `y_test`, `x_validation`, `y_validation`.

    What is not there is drawn from x and y by shares. Whole numbers y (n,) are classes, called `labels`; reals (n,) or
    (n,k) are values to regress, in `unit`. `axes` says what the axes of x are: n samples of f features, h rows, w
    columns, t steps in time, c channels; four axes are (n,h,w,c) unless it says so. x in uint8 goes from 0 to 255.
    """

    file: str

    def sources(self) -> Iterable[Path]:
        return (own_path(self.file),)

    def read(self, seed: int) -> DataSet:
        """Samples (n,h,w,c), (n,1,t,c) or (n,f), uint8 or float32."""
        path = own_path(self.file)
        source = own_source(path, self.licence)
        task, given = self.splits(path.name, read_arrays(path, NAMES))
        divisor = 255.0 if given["train"].x.dtype.kind == "u" else 1.0
        parts = completed(given, self.validation, self.test, seed)
        return assembled(own_name("npz", source, self), source, task, parts, divisor, seed)
