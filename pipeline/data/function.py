"""A function of the user's own that gives arrays: for data that no other reader reads."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifact import digest
from ..errors import BadData, EdgestillError
from ..own_code import is_own, own_function, own_sources
from .arrays import ArrayOptions
from .dataset import DataSet, Source
from .own import own_name, own_path
from .splits import assembled, completed


@dataclass(frozen=True, kw_only=True)
class Function(ArrayOptions):
    """A function of yours, `module:function`, in a module beside the recipe: called without arguments, it returns a
    mapping of arrays, or x and y, or x, y, x_test and y_test; they are taken as those of an `npz`.

    Its source, and that of the modules beside it that it imports, decides whether the data are read again; so do the
    `files` (and folders) that it reads, if they are named here.
    """

    function: str
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_own(self.function):
            raise ValueError(f'function is {self.function!r}; expected "module:function"')

    def sources(self) -> Iterable[Path]:
        return [*own_sources(self.function, self._where), *(own_path(file) for file in self.files)]

    def read(self, seed: int) -> DataSet:
        """Samples (n,h,w,c), (n,1,t,c) or (n,f), uint8 or float32."""
        function = own_function(self.function, self._where)
        try:
            returned = function()
        except EdgestillError:
            raise
        except (Exception, SystemExit) as error:  # the user's own code may raise anything
            raise BadData(f"{self._where}: {type(error).__name__}: {error}") from error
        task, given = self.splits(self._where, self._named(returned))
        divisor = 255.0 if given["train"].x.dtype.kind == "u" else 1.0
        parts = completed(given, self.validation, self.test, seed)
        source = self._source()
        return assembled(own_name("factory", source, self), source, task, parts, divisor, seed)

    @property
    def _where(self) -> str:
        return f"data {self.function!r}"

    def _named(self, returned: Any) -> Mapping[str, Any]:
        if isinstance(returned, Mapping):
            return returned
        if isinstance(returned, tuple | list) and len(returned) in (2, 4):
            return dict(zip(("x", "y", "x_test", "y_test"), returned, strict=False))
        raise BadData(
            f"{self._where}: it returned {type(returned).__name__}; "
            "expected a mapping of arrays, or x and y, or x, y, x_test and y_test"
        )

    def _source(self) -> Source:
        digests = "".join(digest(path) for path in self.sources())
        return Source("", "", self.function, hashlib.sha256(digests.encode()).hexdigest(), self.licence)
