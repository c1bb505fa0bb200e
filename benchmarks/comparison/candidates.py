"""The recipe that a comparison runs: a row for every way of teaching, then what comes after on two of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...pipeline.distillation.guiding import TEACHERS, Guiding
from ...pipeline.errors import BadInput, BadRecipe
from ...pipeline.fitness import same_net
from ...pipeline.recipe import TEACHER_NAMES, Recipe, StageTable
from ...pipeline.stages import name_of, stage_type
from ...pipeline.teacher_table import TeacherTable
from ..report.derive import SCRATCH, SHUFFLED

MODELS = ("checkpoint", "onnx", "tflite")
LAST = ("calibrate", "quantize")  # what also comes right after a student that was not pruned


@dataclass(frozen=True)
class Comparison:
    """`students` is the recipe with nothing but students in it; `rows` are the candidates, simplest first, by what the
    table calls them; `steps` are the names of their stages; `after` is what the recipe does with a trained student."""

    students: Recipe
    rows: tuple[str, ...]
    steps: Mapping[str, str]
    after: tuple[StageTable, ...]

    def finished(self, chosen: str, taught: str | None) -> Recipe:
        """With all that comes after on the student from scratch and on the best one that was `taught`; the chosen of
        the two comes last, for it is what the files of the comparison are named for."""
        bases = sorted({SCRATCH, taught or SCRATCH}, key=lambda row: (row == chosen, row))
        more = [table for base in bases for tables in self._tails() for table in self._on(base, tables)]
        return replace(self.students, stages=(*self.students.stages, *more))

    def _tails(self) -> Iterator[tuple[StageTable, ...]]:
        """What comes after without what comes between, where there is such; and all of it."""
        last = tuple(table for table in self.after if name_of(table.stage) in LAST)
        if len(last) < len(self.after):
            yield last
        yield self.after

    def _on(self, row: str, tables: Sequence[StageTable]) -> Iterator[StageTable]:
        """These stages on the student of a row, which names them; on the one from scratch without a teacher."""
        label, previous, renamed = ("scratch" if row == SCRATCH else row), self.steps[row], dict[str, str]()
        for table in tables:
            makes = table.stage.gives in MODELS
            name = f"{label} + {table.label.removeprefix('+ ')}" if makes else f"{label} {table.name}"
            inputs = {key: renamed[given] for key, given in table.inputs.items() if given in renamed}
            if not isinstance(table.stage, Guiding) or row != SCRATCH:
                inputs |= {key: given for key, given in table.inputs.items() if key.startswith("teacher")}
            inputs |= {key: given for key, given in table.inputs.items() if key == "data"}
            if "source" in table.stage.takes:
                inputs.setdefault("source", previous)
            yield StageTable(name, table.stage, inputs, table.where, alone=row == SCRATCH)
            renamed[table.name] = name
            if makes:
                label, previous = name, name


def comparison(recipe: Recipe, methods: Sequence[str] = (), shuffled: bool = False) -> Comparison:
    """Every [[stage]] that distils the recipe's student, and each of the last one's methods alone.

    `methods` are compared in place of these: with the options that the recipe gives them, else with their own. A
    control row learns from the teacher's outputs `shuffled` among the samples. BadRecipe where there is none to teach.
    """
    distilling = [table for table in recipe.stages if name_of(table.stage) == "distill"]
    students = [table for table in distilling if same_net(table.stage, recipe.student)]
    if (methods or shuffled) and not students:
        raise BadRecipe(f"{recipe.path.name}: no [[stage]] distils the student; --methods and the control need one")
    if twice := [name for place, name in enumerate(methods) if name in methods[:place]]:
        raise BadInput(f"--methods names {twice[0]!r} twice; once is enough")
    alone = list(_alone(students, methods, {table.name for table in recipe.stages})) if students else []
    candidates = sorted([*students, *alone], key=lambda table: len(_methods(table)))
    control = list(_control(students[-1], len(recipe.teachers))) if shuffled else []
    after = tuple(_after(recipe))
    kept = [table for table in recipe.stages if _makes_data(table) or (table in distilling and table not in students)]
    taught = replace(
        recipe,
        stages=(*kept, *candidates, *control),
        teachers=_hearing_all(recipe.teachers, (*candidates, *after)),
    )
    return Comparison(
        students=taught,
        rows=(SCRATCH, *(table.label for table in candidates)),
        steps={SCRATCH: "scratch", **{table.label: table.name for table in candidates}},
        after=after,
    )


def _methods(table: StageTable) -> Sequence[Mapping[str, Any]]:
    assert isinstance(table.stage, Guiding)
    return table.stage.methods or ({"name": "soft-targets"},)


def _alone(students: Sequence[StageTable], named: Sequence[str], taken: set[str]) -> Iterator[StageTable]:
    """The last stage with each of these methods, or of its own, and no other; not again what there is already."""
    table, there = students[-1], [(one.stage, one.inputs) for one in students]
    own = list(_methods(table))
    known = {method["name"]: method for method in own}
    for method in [known.get(name, {"name": name}) for name in named] or own:
        try:
            stage = replace(table.stage, methods=(method,))  # type: ignore[type-var]
        except (BadRecipe, ValueError) as error:
            raise BadRecipe(f"{table.where}: {error}") from error
        if own == [method] or (stage, table.inputs) in there:
            continue
        there.append((stage, table.inputs))
        name = next(name for name in _names(str(method["name"])) if name not in taken)
        taken.add(name)
        yield replace(table, name=name, stage=stage)


def _names(method: str) -> Iterator[str]:
    yield method
    yield f"{method} alone"
    yield from (f"{method} {number}" for number in range(2, 100))


def _control(table: StageTable, teachers: int) -> Iterator[StageTable]:
    """The same stage where all that its teachers say belongs to other samples, and no weights of theirs are taken."""
    if not (isinstance(table.stage, Guiding) and table.stage.needs_teacher):
        raise BadRecipe(f"{table.where}: its methods learn from no teacher, so there is none to shuffle for a control")
    data = {key: given for key, given in table.inputs.items() if key == "data"}
    inputs = {key: given for key, given in table.inputs.items() if key != "weights"}
    for number, (key, teacher) in enumerate(_heard(table, teachers), start=1):
        inputs[key] = f"shuffled outputs {number}" if number > 1 else "shuffled outputs"
        yield StageTable(inputs[key], stage_type("shuffle-outputs")(), {"source": teacher, **data}, table.where)
    yield replace(table, name=SHUFFLED, stage=replace(table.stage, initial=""), inputs=inputs)  # type: ignore[call-arg]


def _heard(table: StageTable, teachers: int) -> Iterator[tuple[str, str]]:
    """The teachers that a stage listens to, input by input: those it names, or so many of the recipe's."""
    for place, (key, name) in enumerate(zip(TEACHERS, TEACHER_NAMES, strict=True)):
        if key in table.inputs:
            yield key, table.inputs[key]
        elif "teacher" not in table.inputs and place < teachers:
            yield key, name


def _after(recipe: Recipe) -> Iterator[StageTable]:
    """What the recipe does with a student once it is trained; not what it does with another net."""
    for table in recipe.stages:
        of_another = table.inputs.get("source") in ("scratch", "teacher") or _makes_data(table)
        if name_of(table.stage) != "distill" and not of_another:
            yield table


def _makes_data(table: StageTable) -> bool:
    """Inputs made from a teacher, which students and what comes after them name."""
    return table.stage.gives == "dataset"


def _hearing_all(teachers: Sequence[TeacherTable], tables: Sequence[StageTable]) -> tuple[TeacherTable, ...]:
    """The first teacher with every layer that any stage will ever hear, so that it is recorded once."""
    if not teachers:
        return ()
    taps = [tap for table in tables if isinstance(table.stage, Guiding) for tap in table.stage.teacher_taps]
    first = teachers[0]
    heard = tuple(dict.fromkeys((*vars(first.teach)["taps"], *taps)))
    return (replace(first, teach=replace(first.teach, taps=heard)), *teachers[1:])  # type: ignore[type-var]
