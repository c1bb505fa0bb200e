"""From a recipe to steps: which stage runs on whose artifact, with the scratch student and the exports put beside."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .distillation.augmentation import Augmentation
from .distillation.guiding import TEACHERS, Guiding
from .errors import BadRecipe, choices
from .fitness import check_net, check_student
from .recipe import TEACHER_NAMES, Recipe, StageTable
from .rehearsed import rehearsal
from .stages import name_of, stage_type
from .stages.stage import Stage
from .teacher_table import TeacherTable

Role = Literal["float onnx", "float tflite", "int8 onnx", "int8 tflite", "int8 c", "int8 app"]


@dataclass(frozen=True)
class Step:
    """One stage with its inputs by the names of earlier steps."""

    name: str
    stage: Stage
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Variant:
    """A row of the table: the steps that hold its files (of the first seed), and those that judge it, one a seed.

    `checkpoints` are the steps of its nets, one a seed; an integer variant has none, but a `source`: the name of the
    float variant that it was made from.
    """

    name: str
    files: Mapping[Role, str]
    judged: tuple[str, ...]
    checkpoints: tuple[str, ...] = ()
    parity: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class Chain:
    """Steps in the order in which they run, and the variants they lead to."""

    steps: tuple[Step, ...]
    variants: tuple[Variant, ...]


def chain(recipe: Recipe) -> Chain:
    """All the steps of a recipe; BadRecipe when a stage's input is not there or of another kind."""
    return _Builder(recipe).chain()


@dataclass
class _Builder:
    recipe: Recipe
    steps: dict[str, Step] = field(default_factory=dict)
    rows: dict[str, list[Variant]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)  # a float ONNX step -> the row that it belongs to
    called: dict[str, str] = field(default_factory=dict)  # a student's step, of any seed -> what stages call it

    def chain(self) -> Chain:
        self.add("data", self.recipe.data)
        for name, table in zip(TEACHER_NAMES, self.recipe.teachers, strict=False):
            self.teacher(name, table)
        for offset in range(self.recipe.seeds):
            self.student(self.recipe.seed + offset, first=offset == 0)
        if "app" in self.recipe.exports and not any(row.source for rows in self.rows.values() for row in rows):
            raise BadRecipe(f'{self.recipe.path.name}: exports: "app" is made of INT8 files; add a [[stage]] quantize')
        first = {"data": self.steps["data"], "rehearsal": self.rehearsal()}
        return Chain(tuple({**first, **self.steps}.values()), tuple(self.merged(rows) for rows in self.rows.values()))

    def rehearsal(self) -> Step:
        """What must be known of the steps before the first of them trains: it is made when all of them are there."""
        return Step("rehearsal", rehearsal(self.recipe, self.steps), {"data": "data"})

    def teacher(self, name: str, table: TeacherTable) -> None:
        """The stages that lead to a teacher, its scores, and its outputs."""
        names = [*(f"{name}'s {name_of(stage)}" for stage in table.stages[:-1]), name]
        made: dict[str, str] = {"data": "data"}
        for step, stage in zip(names, table.stages, strict=True):
            made["source"] = self.add(step, stage, **{key: step for key, step in made.items() if key in stage.takes})
            if stage.gives == "embeddings":
                made["embeddings"] = step
        if table.export and self.gives(name) == "checkpoint":
            self.judge_float(name, name, first=True)
        else:
            judged = self.add(f"{name} score", self.like(stage_type("evaluate-teacher"), table.teach), **made)
            nets = (name,) if self.gives(name) == "checkpoint" else ()
            self.rows[name] = [Variant(name, {}, (judged,), nets)]
        self.add(f"{name} outputs", self.heard(table.teach, name), **made)

    def heard(self, teach: Stage, name: str) -> Stage:
        """The stage that records a teacher, with every layer that a student will hear of it."""
        guided = [table for table in self.recipe.stages if isinstance(table.stage, Guiding)]
        taps = [
            tap
            for table in guided
            if isinstance(table.stage, Guiding) and table.inputs.get("teacher", "teacher") == name
            for tap in table.stage.teacher_taps
        ]
        return dataclasses.replace(teach, taps=tuple(dict.fromkeys((*vars(teach)["taps"], *taps))))  # type: ignore[type-var]

    def student(self, seed: int, first: bool) -> None:
        """The scratch student and every [[stage]] after it, for one seed."""
        suffix = "" if first else f" (seed {seed})"
        names = {"data": "data", **{name: name for name in TEACHER_NAMES[: len(self.recipe.teachers)]}}
        previous = self.add("scratch" + suffix, self.seeded(self.recipe.student, seed), data="data")
        names["scratch"], self.called[previous] = previous, "scratch"
        self.judge_float(previous, "student from scratch", first)
        for table in self.recipe.stages:
            made = self.own(table, seed, suffix, previous, names)
            names[table.name] = made
            if self.gives(made) in ("checkpoint", "onnx", "tflite"):
                previous = made  # what is no model is found by its name alone
            if self.gives(made) == "checkpoint":
                self.judge_float(made, table.label, first)
            if name_of(table.stage) == "quantize":
                self.judge_int8(made, table.label, first)

    def own(self, table: StageTable, seed: int, suffix: str, previous: str, names: Mapping[str, str]) -> str:
        """One [[stage]] of the user's, its unnamed inputs filled in."""
        named: dict[str, str] = {}
        for name in table.stage.takes:
            if name in table.inputs:
                if table.inputs[name] not in names:
                    raise BadRecipe(
                        f"{table.where}: {name} names {table.inputs[name]!r}, but no stage before is called that; "
                        f"there are {choices(names, table.inputs[name])}"
                    )
                named[name] = names[table.inputs[name]]
            elif name == "source":
                named[name] = previous
            elif name == "weights" and self.begins_taught(table):
                named[name] = "teacher"
            elif name in ("data", "calibration"):
                named[name] = name
            elif name in TEACHERS and "teacher" not in table.inputs and self.is_taught(table):
                named[name] = name.replace("_", " ")
        stage = self.seeded(table.stage, seed)
        inputs = {name: step for name, step in self.fitted(table, stage, named).items() if step}
        check_net(table.where, stage, inputs, self.steps)
        check_student(table.where, stage, inputs, self.steps, self.recipe.student)
        self.called[self.add(table.name + suffix, stage, **inputs)] = table.name
        return table.name + suffix

    def is_taught(self, table: StageTable) -> bool:
        """Whether a stage listens to the recipe's teachers where it names none."""
        return not table.alone and (not isinstance(table.stage, Guiding) or table.stage.needs_teacher)

    def begins_taught(self, table: StageTable) -> bool:
        """Whether a student's first weights come from another net; BadRecipe when it names one for nothing."""
        if "weights" in table.inputs and not vars(table.stage)["initial"]:
            raise BadRecipe(f"{table.where}: weights names a net, but initial does not say what to take of it")
        return bool(vars(table.stage).get("initial"))

    def fitted(self, table: StageTable, stage: Stage, named: Mapping[str, str]) -> dict[str, str | None]:
        """Every input as a step that gives a kind the stage takes: a checkpoint's export, a teacher's outputs."""
        fitted: dict[str, str | None] = {}
        for name, kinds in stage.takes.items():
            data = named.get("data", "data")
            if "teacher-outputs" in kinds and name in named:
                self.record(named[name], stage, data)
            if name == "calibration" and named.get(name) == "calibration":
                fitted[name] = self.calibration(str(fitted["source"]), data)
                continue
            step = self.bridged(named.get(name), kinds, data)
            needed = name == "teacher" and name_of(stage) == "distill" and self.is_taught(table)
            needed = needed or (name == "weights" and self.begins_taught(table))
            if step is None and (name not in stage.optional or needed or name in table.inputs):
                raise BadRecipe(f"{table.where}: {self.why_not(name, named.get(name), kinds)}")
            if step and "teacher-outputs" in kinds:
                self.same_views(table, stage, self.steps[step].stage)
            fitted[name] = step
        return fitted

    def record(self, step: str, student: Stage, data: str) -> None:
        """What a net says of the data of a student that names it as its teacher, once."""
        answers, known = self.answers(step, data), self.steps.get(self.answers(step, "data"))
        if step not in self.steps or answers in self.steps:
            return
        if known:
            self.add(answers, known.stage, **{**known.inputs, "data": data})
        elif self.gives(step) == "checkpoint":
            teach = self.heard(self.like(stage_type("teach"), student), self.called.get(step, step))
            self.add(answers, teach, source=step, data=data)

    def answers(self, step: str, data: str) -> str:
        """The step that records what a net says of data."""
        return f"{step} outputs" if data == "data" else f"{step} outputs on {data}"

    def same_views(self, table: StageTable, student: Stage, teacher: Stage) -> None:
        """A student can only see the views that its teacher's outputs were made on."""
        if not (isinstance(student, Augmentation) and isinstance(teacher, Augmentation)):
            return
        for option in (known.name for known in dataclasses.fields(Augmentation)):
            values = [vars(stage)[option] for stage in (teacher, student)]
            theirs, ours = ("not given" if value is None else value for value in values)
            if theirs != ours:
                raise BadRecipe(
                    f"{table.where}: {option} is {ours}, but the teacher's outputs are made with {theirs}; "
                    f"give both the same under [training]"
                )

    def bridged(self, step: str | None, kinds: tuple[str, ...], data: str) -> str | None:
        if step not in self.steps:
            return None
        if self.gives(step) in kinds:
            return step
        if "onnx" in kinds and self.gives(step) == "checkpoint":
            return self.add(f"{step} onnx", stage_type("export-onnx")(), source=step)
        if "teacher-outputs" in kinds and self.answers(step, data) in self.steps:
            return self.answers(step, data)
        return None

    def why_not(self, name: str, step: str | None, kinds: tuple[str, ...]) -> str:
        if step is None or step not in self.steps:
            lacking = "the table [teacher]" if name in ("teacher", "weights") else f"an input named {name!r}"
            return f"it takes {' or '.join(kinds)} as {name}; {lacking} is missing"
        return f"{step!r} gives {self.gives(step)}, but its input {name!r} takes {' or '.join(kinds)}"

    def judge_float(self, checkpoint: str, label: str, first: bool) -> None:
        """The float files of a checkpoint and its scores."""
        onnx = self.add(f"{checkpoint} onnx", stage_type("export-onnx")(), source=checkpoint)
        self.labels[onnx] = label
        files: dict[Role, str] = {"float onnx": onnx}
        if first and "tflite" in self.recipe.exports:
            files["float tflite"] = self.add(f"{checkpoint} tflite", stage_type("export-tflite")(), source=onnx)
        judged = self.add(f"{checkpoint} score", stage_type("evaluate")(), source=onnx, data="data")
        self.rows.setdefault(label, []).append(Variant(label, files, (judged,), (checkpoint,)))

    def judge_int8(self, tflite: str, label: str, first: bool) -> None:
        """The QDQ twin of an integer TFLite file, the parity of the two, and its scores."""
        judged = self.add(f"{tflite} score", stage_type("evaluate")(), source=tflite, data="data")
        files: dict[Role, str] = {"int8 tflite": tflite}
        if first and "c" in self.recipe.exports:
            files["int8 c"] = self.add(f"{tflite} c", stage_type("compile")(), source=tflite)
        if first and "app" in self.recipe.exports:
            given = {"source": tflite, "float": self.steps[tflite].inputs["source"], "data": "data"}
            files["int8 app"] = self.add(f"{tflite} app", stage_type("export-app")(), **given)
        parity = None
        if first and "onnx" in self.recipe.exports:
            files["int8 onnx"] = self.add(f"{tflite} qdq", stage_type("export-qdq")(), source=tflite)
            pair = {"first": tflite, "second": f"{tflite} qdq", "float": self.steps[tflite].inputs["source"]}
            parity = self.add(f"{tflite} parity", stage_type("verify")(), data="data", **pair)
        self.rows.setdefault(label, []).append(
            Variant(label, files, (judged,), (), parity, self.labels.get(self.steps[tflite].inputs["source"]))
        )

    def calibration(self, source: str, data: str) -> str:
        """The user's own calibration of that file on these data where the recipe has one before, else one of ours."""
        for step in self.steps.values():
            if name_of(step.stage) == "calibrate" and (step.inputs["source"], step.inputs["data"]) == (source, data):
                return step.name
        own = "" if data == "data" else f" on {data}"
        return self.add(f"{source} calibration{own}", stage_type("calibrate")(), source=source, data=data)

    def merged(self, rows: list[Variant]) -> Variant:
        """One row of the rows that the seeds gave."""
        return dataclasses.replace(
            rows[0],
            judged=tuple(judged for row in rows for judged in row.judged),
            checkpoints=tuple(checkpoint for row in rows for checkpoint in row.checkpoints),
        )

    def add(self, step: str, stage: Stage, **inputs: str) -> str:
        made = Step(step, stage, inputs)
        if self.steps.setdefault(step, made) != made:
            raise BadRecipe(f"{self.recipe.path.name}: the name {step!r} is taken; give the stage another")
        return step

    def gives(self, step: str) -> str:
        return self.steps[step].stage.gives

    def seeded(self, stage: Stage, seed: int) -> Stage:
        fields = {field.name for field in dataclasses.fields(stage)}  # type: ignore[arg-type]
        return dataclasses.replace(stage, seed=seed) if "seed" in fields else stage  # type: ignore[type-var]

    def like(self, kind: type[Stage], other: Stage) -> Stage:
        """A stage with those of the other's options that it knows too."""
        known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
        options: dict[str, Any] = {key: value for key, value in vars(other).items() if key in known}
        return kind(**options)
