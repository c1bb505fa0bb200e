"""A recipe: a TOML file, read and checked whole before the first second of work."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .distillation.guiding import TEACHERS, Guiding
from .distillation.methods.catalog import check_task
from .errors import BadRecipe, choices
from .measure import Measure
from .options import build, convert
from .own_code import factories_in
from .recipe_places import folder_of_own, is_shipped, located
from .search_space import SearchSpace
from .stages import NAMES, name_of, stage_type
from .stages.stage import Stage
from .task import TaskKind
from .teacher_table import TeacherTable, read_teacher

LABELS = {"distill": "distilled", "prune": "+ pruned", "quantize": "+ int8"}
TEACHER_NAMES = tuple(name.replace("_", " ") for name in TEACHERS)  # of [[teacher]], in their order
FORMATS = ("onnx", "tflite", "c", "app")  # the last only where it is asked for


@dataclass(frozen=True)
class StageTable:
    """One [[stage]]: its options as a stage, and the inputs it names (input name -> stage name).

    One that is `alone` has no teacher, also where the recipe has some.
    """

    name: str
    stage: Stage
    inputs: Mapping[str, str]
    where: str
    alone: bool = False

    @property
    def label(self) -> str:
        """What the table calls the stage's result: the user's own name, else the field's word for it."""
        kind = name_of(self.stage)
        return self.name if self.name != kind else LABELS.get(kind, kind)


@dataclass(frozen=True)
class Recipe:
    """A whole chain as the user wrote it, defaults filled in; every key was known and every value of its type."""

    name: str
    path: Path
    folder: Path  # where the user's own files lie: beside the recipe, or of a shipped one in the folder one works in
    title: str
    task: TaskKind
    seed: int
    seeds: int
    data: Stage
    teachers: tuple[TeacherTable, ...]
    student: Stage
    stages: tuple[StageTable, ...]
    exports: tuple[str, ...]
    measure: Measure
    tune: SearchSpace

    @property
    def is_shipped(self) -> bool:
        """Whether its name alone finds it."""
        return is_shipped(self.path)


OWN_TABLES = ("data", "training", "teacher", "student", "stage", "exports", "measure", "tune")
TOP = ("title", "task", "seed", "seeds", "folder", *OWN_TABLES)


def read_recipe(named: str | Path) -> Recipe:
    """The recipe at a path, or the shipped recipe of that name; BadRecipe says where and what."""
    path = located(named)
    top = _parse(path)
    folder = folder_of_own(path, convert(top.get("folder", ""), str, f"{path.name}: folder"))
    with factories_in(folder):
        return _Reader(path, top).recipe(folder)


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError, OSError) as error:  # of TOML, of UTF-8, of numbers without end
        raise BadRecipe(f"{path.name}: not TOML: {error}") from error


def slug(name: str) -> str:
    """A stage's name as part of a file's name: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _refuse_unknown(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """BadRecipe for the first name that is not known."""
    known = list(known)
    for name in given:
        if name not in known:
            raise BadRecipe(f"{what} is named {name!r}; there are {choices(known, name)}")


class _Reader:
    """Reads one file's tables; every error starts with the file's name and the table's."""

    def __init__(self, path: Path, table: Mapping[str, Any]) -> None:
        self.file = path.name
        self.path = path
        self.top = table

    def recipe(self, folder: Path) -> Recipe:
        _refuse_unknown(self.top, TOP, f"{self.file}: no table or key")
        seed = self.value("seed", int, 0)
        seeds = self.value("seeds", int, 1)
        if not 1 <= seeds <= 100:
            raise BadRecipe(f"{self.file}: seeds is {seeds}; it must be 1 to 100")
        return Recipe(
            name=self.path.stem,
            path=self.path,
            folder=folder,
            title=self.value("title", str, self.path.stem),
            task=self.value("task", TaskKind, "classify"),
            seed=seed,
            seeds=seeds,
            data=self.data(seed),
            teachers=self.teachers(seed),
            student=self.student(seed),
            stages=self.stages(),
            exports=self.exports(),
            measure=build(Measure, self.table("measure"), f"{self.file}: [measure]"),
            tune=build(SearchSpace, self.table("tune"), f"{self.file}: [tune]"),
        )

    def value(self, key: str, hint: Any, default: Any) -> Any:
        return convert(self.top.get(key, default), hint, f"{self.file}: {key}")

    def table(self, name: str) -> dict[str, Any]:
        found = self.top.get(name, {})
        if not isinstance(found, Mapping):
            raise BadRecipe(f"{self.file}: {name} must be a table: write [{name}]")
        return dict(found)

    def data(self, seed: int) -> Stage:
        """[data]: the name of the data, what is done with any of them, and the options of their own reader."""
        table = self.table("data")
        if not table:
            raise BadRecipe(
                f'{self.file}: the table [data] is missing; it names the data set, for example name = "mnist-5k"'
            )
        keys = {field.name for field in _fields(stage_type("prepare-data"))} - {"options"}
        own: dict[str, Any] = {key: table.pop(key) for key in keys if key in table}
        where = f"{self.file}: [data]"
        return build(stage_type("prepare-data"), {"seed": seed, **own, "options": table}, where)

    def teachers(self, seed: int) -> tuple[TeacherTable, ...]:
        """[teacher], or several of them as [[teacher]]; none where the table is not there."""
        given = self.top.get("teacher", [])
        if not isinstance(given, list):
            return (read_teacher(self.table("teacher"), self.training(), seed, f"{self.file}: [teacher]"),)
        if len(given) > len(TEACHERS) or not all(isinstance(table, Mapping) for table in given):
            raise BadRecipe(f"{self.file}: [[teacher]]: one to {len(TEACHERS)} tables; there are {len(given)}")
        return tuple(
            read_teacher(table, self.training(), seed, f"{self.file}: [[teacher]] {number}")
            for number, table in enumerate(given, start=1)
        )

    def student(self, seed: int) -> Stage:
        """[student]: the net that is trained from scratch, and that every stage that distils starts with."""
        if "student" not in self.top:
            raise BadRecipe(
                f"{self.file}: the table [student] is missing; it names the net that shall run on the device"
            )
        kind, own = stage_type("train"), self.table("student")
        self.refuse_seed(own, "[student]")
        return build(kind, {**_known(kind, {"seed": seed, **self.training()}), **own}, f"{self.file}: [student]")

    def training(self) -> dict[str, Any]:
        """[training]: what every stage that trains shares; a key that none of them knows is an error."""
        table = self.table("training")
        self.refuse_seed(table, "[training]")
        known = {field.name for name in ("train", "teach", "distill", "prune") for field in _fields(stage_type(name))}
        _refuse_unknown(table, known, f"{self.file}: [training]: no key")
        return table

    def refuse_seed(self, table: Mapping[str, Any], where: str) -> None:
        """Students are trained with the recipe's seed and those after it, so that they pair up."""
        if "seed" in table:
            raise BadRecipe(f"{self.file}: {where}: seed stands at the top of a recipe, above the first table")

    def stages(self) -> tuple[StageTable, ...]:
        tables = self.top.get("stage", [])
        if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
            raise BadRecipe(f"{self.file}: stage must be an array of tables: write [[stage]] above each of them")
        read = tuple(self.stage(number, dict(table)) for number, table in enumerate(tables, start=1))
        taken = {"", "data", "model", "rehearsal", "scratch", "student-from-scratch"}
        taken |= {f"{slug(name)}{what}" for name in TEACHER_NAMES for what in ("", "-outputs")}
        for table in read:
            if isinstance(table.stage, Guiding):
                check_task(table.stage.chosen, self.value("task", TaskKind, "classify"), table.where)
            if len(table.name) > 60:
                raise BadRecipe(f"{table.where}: the name has {len(table.name)} characters; 60 are the most")
            if slug(table.name) in taken:
                raise BadRecipe(f'{table.where}: the name {table.name!r} is taken; give it another with name = "..."')
            taken |= {slug(table.name), slug(table.label)}
        return read

    def stage(self, number: int, table: dict[str, Any]) -> StageTable:
        where = f"{self.file}: stage {number}"
        named = table.pop("stage", None)
        if not isinstance(named, str):
            raise BadRecipe(f"{where}: the key 'stage' is missing; there are {choices(NAMES)}")
        try:
            kind = stage_type(named)
        except LookupError as error:
            raise BadRecipe(f"{where}: {error}") from error
        self.refuse_seed(table, f"stage {number}")
        name = convert(table.pop("name", named), str, f"{where}: name")
        options = {field.name for field in _fields(kind)}
        inputs = {key: table.pop(key) for key in list(table) if key in kind.takes and key not in options}
        for key, source in inputs.items():
            convert(source, str, f"{where}: {key}")
        shared = {} if "model" in table else self.shared(kind)
        student = _known(kind, {"seed": self.top.get("seed", 0), **self.training(), **shared})
        _refuse_unknown(table, {*options, *kind.takes}, f"{where} ({named}): no key")
        if kind is stage_type("distill") and "model" not in table:
            self.refuse_another_budget(table, f"{where} ({named})")
        return StageTable(name, build(kind, {**student, **table}, f"{where} ({named})"), inputs, f"{where} ({named})")

    def refuse_another_budget(self, table: Mapping[str, Any], where: str) -> None:
        """The student from scratch must be the same net on the same budget, or the two say nothing of the teacher."""
        shared = [key for key in table if key in {field.name for field in _fields(stage_type("train"))}]
        if shared:
            raise BadRecipe(
                f"{where}: {shared[0]} stands under [student], for the student from scratch must have it too"
            )

    def shared(self, kind: type[Stage]) -> dict[str, Any]:
        """A distilled student is the [student] net on its budget, unless the stage names a model: an assistant."""
        return self.table("student") if kind is stage_type("distill") else {}

    def exports(self) -> tuple[str, ...]:
        given = self.top.get("exports", list(FORMATS[:-1]))
        named: Sequence[str] = convert(given, tuple[str, ...], f"{self.file}: exports")
        _refuse_unknown(named, FORMATS, f"{self.file}: exports: no format")
        return tuple(named)


def _fields(kind: type[Stage]) -> "tuple[Any, ...]":
    return fields(kind)  # type: ignore[arg-type]


def _known(kind: type[Stage], table: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in _fields(kind)}
    return {key: value for key, value in table.items() if key in names}
