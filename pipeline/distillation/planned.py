"""Lessons as a recipe plans them, before anybody can give one: who learns from whom, and how; torch is not needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..models.catalog import sources
from ..models.checkpoint import read_about
from ..own_code import own_folder
from .guiding import Guiding
from .inverting import Inverting
from .options import Training

Initial = Literal["", "drop-layers", "channels"]


@dataclass(frozen=True)
class Net:
    """A net that is to be trained, by its factory and options; or one that was: the file `checkpoint` of the user's."""

    model: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: str = ""

    @property
    def path(self) -> Path:
        """Where the checkpoint lies: beside the recipe."""
        return (own_folder() or Path()) / self.checkpoint

    def sources(self) -> list[Path]:
        """The user's own files behind it."""
        return [self.path, *sources(read_about(self.path).model)] if self.checkpoint else sources(self.model)


@dataclass(frozen=True)
class Planned:
    """The lessons that a stage will give a student; `where` is how a message about them begins.

    A teacher that is None is no net of torch's: what it gives is outputs alone, or a vector a text as its embedding
    besides, where the first `reads_words`. `weights` is the net that the student's
    `initial` weights are of. Of `how` and `training`, what says how much and how long is left at its defaults.
    """

    where: str
    student: Net
    teachers: tuple[Net | None, ...]
    how: Guiding
    training: Training
    initial: Initial = ""
    weights: Net | None = None
    reads_words: bool = False

    def sources(self) -> list[Path]:
        """The user's own files behind nets and methods."""
        nets = [net for net in (self.student, *self.teachers, self.weights) if net]
        return [*(path for net in nets for path in net.sources()), *self.how.own_sources()]


@dataclass(frozen=True)
class Inversion:
    """Inputs that a stage will make from a teacher, and the largest `batch` of those that learn from them, 0 where
    nobody does; `where` is how a message about it begins."""

    where: str
    teacher: Net
    how: Inverting
    batch: int

    def sources(self) -> list[Path]:
        """The user's own files behind the teacher."""
        return self.teacher.sources()
