"""[teacher] of a recipe: one key tells what kind it is, and with it which stages lead to it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .errors import BadRecipe, choices
from .options import build, convert
from .stages import stage_type
from .stages.stage import Stage

KINDS: Mapping[str, tuple[str, ...]] = {
    "model": ("train",),
    "checkpoint": ("import-checkpoint",),
    "file": ("import-model",),
    "text_encoder": ("embed", "fit-head"),
    "latent_semantics": ("find-semantics", "fit-head"),
    "saved_model": ("convert-keras", "import-model"),
}
NETS = ("model", "checkpoint")  # kinds that end in a net of torch's: it may be trained on, and be exported
SET_HERE = {"partly"}  # an option of a stage that the table's other keys decide


@dataclass(frozen=True)
class TeacherTable:
    """The stages that lead to the teacher, each on the one before; how it teaches; whether it is written as files."""

    stages: tuple[Stage, ...]
    teach: Stage
    export: bool


def read_teacher(table: Mapping[str, Any], training: Mapping[str, Any], seed: int, where: str) -> TeacherTable:
    """The table's teacher; `training` holds what every stage that trains shares. BadRecipe starts with `where`."""
    own = dict(table)
    kind = _kind(own, where)
    export = convert(own.pop("export", True), bool, f"{where}: export") if kind in NETS else True
    names = _stages(kind, own)
    known = {name: {field.name for field in fields(stage_type(name))} - SET_HERE for name in (*names, "teach")}  # type: ignore[arg-type]
    if kind == "saved_model":
        known["import-model"] -= {"file"}
    _refuse_unknown(
        own, set().union(*known.values()), {"epochs", "export", "weights"} if kind in NETS else set(), where
    )
    made = [_made(name, known[name], {"seed": seed, **training}, own, where) for name in (*names, "teach")]
    return TeacherTable(tuple(made[:-1]), made[-1], export)


def _kind(own: Mapping[str, Any], where: str) -> str:
    told = [key for key in KINDS if key in own]
    if not told:
        raise BadRecipe(f"{where}: no key says what the teacher is; there are {choices(KINDS)}")
    if len(told) > 1:
        raise BadRecipe(f"{where}: {' and '.join(told)} are {len(told)} teachers; give one of {choices(KINDS)}")
    if own[told[0]] == "":
        raise BadRecipe(f"{where}: {told[0]} is empty; name the teacher, or leave the table out")
    return told[0]


def _stages(kind: str, own: Mapping[str, Any]) -> tuple[str, ...]:
    """A net whose weights are there is trained on only where its table says for how long."""
    names = ("load-weights",) if kind == "model" and "weights" in own else KINDS[kind]
    trained_on = kind in NETS and names != ("train",) and "epochs" in own
    return (*names, "fine-tune") if trained_on else names


def _refuse_unknown(own: Mapping[str, Any], known: set[str], others: set[str], where: str) -> None:
    """`others` are keys that change which stages there are."""
    unknown = [key for key in own if key not in known]
    if unknown:
        raise BadRecipe(f"{where}: no key is named {unknown[0]!r}; there are {choices(known | others, unknown[0])}")


def _made(name: str, known: set[str], shared: Mapping[str, Any], own: Mapping[str, Any], where: str) -> Stage:
    options = {key: value for key, value in {**shared, **own}.items() if key in known}
    if name == "load-weights":
        options["partly"] = "epochs" in own
    return build(stage_type(name), options, where)
