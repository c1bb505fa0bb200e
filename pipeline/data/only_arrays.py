"""A pickle of plain arrays, read by an unpickler that knows arrays and refuses every other name."""

import io
import pickle
from typing import Any

import numpy as np

from ..errors import BadData

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class OnlyArrays(pickle.Unpickler):
    """Makes arrays, and what Python has built in for values; nothing else in the file is ever looked up or called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_pickled(raw: bytes, where: str) -> Any:
    """The one object in an .npy file of type object; BadData when it is no such file or names more than arrays."""
    file = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"version {version} of the format; (1, 0) is read")
        np.lib.format.read_array_header_1_0(file)
        return OnlyArrays(file).load().item()
    except Exception as error:  # a hostile file has many ways to be wrong
        raise BadData(f"{where}: cannot be read as arrays: {error}") from error
