"""Writes `recipe.md` beside this file: every key of a recipe, as the code knows them. Run it after a change of options."""

import ast
import dataclasses
import inspect
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from edgestill.pipeline import models
from edgestill.pipeline.data import catalog as data
from edgestill.pipeline.distillation import methods
from edgestill.pipeline.distillation.methods import catalog as ways
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.measure import Measure
from edgestill.pipeline.models import catalog as nets
from edgestill.pipeline.models.factory import options_of
from edgestill.pipeline.search_space import SearchSpace
from edgestill.pipeline.stages import NAMES as STAGES
from edgestill.pipeline.stages import stage_type

PAGE = Path(__file__).with_name("recipe.md")
OWN = ("distill", "invert", "prune", "calibrate", "quantize")  # the stages that a user writes down
TRAINING = {field.name for field in dataclasses.fields(Training)}
TOP = {"seed"}  # stands at the top of a recipe

OPENING = """# The recipe

A TOML file. Every key is checked before the first second of work; an unknown one is an error that lists those there are.
*This page is written by `docs/reference.py` from the code.*

| key at the top | type | default | is |
|---|---|---|---|
| `title` | text | the file's name | a line for people |
| `task` | `"classify"`, `"regress"` or `"reconstruct"` | `"classify"` | what the output means; the data must agree |
| `seed` | whole number | 0 | of the splits, the teacher and the first student |
| `seeds` | whole number | 1 | how many students of each kind are trained, with the seeds after `seed`; the files handed over are the first's |
| `folder` | text | the recipe's own | where the files and modules lie that the recipe names, from where the recipe lies |
| `exports` | array of texts | `["onnx", "tflite", "c"]` | the formats handed over; `c` is a folder of C11 for microcontrollers; `"app"`, where it is named, one [for who builds an app](apps.md) |

The tables are `[data]`, `[training]`, `[teacher]`, `[student]`, the `[[stage]]` tables in the order in which they run, `[measure]`, and for `edgestill tune` `[tune]`.
"""

ABOUT_STAGES = """
`stage` says which one runs; `name` gives its row another name. Every input is the stage before unless it is named: `source` is what the stage works
on (`"scratch"` is the student alone, `"teacher"` the teacher), the others are listed with it; `data` may name an `invert`.
"""


def page() -> str:
    """The whole page, from the code alone."""
    return "\n".join(
        [OPENING, *_data(), *_training(), *_teacher(), *_nets(), *_teachers(), *_stages(), *_measure(), *_tune()]
    )


def _data() -> Iterator[str]:
    yield "## `[data]`\n\n`name` says which; every other key is an option of its reader. `seed` draws other splits than the recipe's own.\n"
    yield from _described(stage_type("prepare-data"), without={"options"})
    yield ""
    for name, place in data.NAMES.items():
        yield from _section(f'`name = "{name}"`', _found(data.__name__, place))


def _training() -> Iterator[str]:
    yield "## `[training]`, and every table that trains\n"
    yield from _described(Training, TOP)
    yield "\nA key under `[teacher]`, `[student]` or a `[[stage]]` wins over the same key under `[training]`.\n"


def _teacher() -> Iterator[str]:
    yield "## `[teacher]` and `[student]`\n\nA net and its training: `model` with its `options`, and the keys above.\n"


def _nets() -> Iterator[str]:
    yield "`model` is one of these, or `module:factory` for a function of yours beside the recipe.\n"
    yield "| `model` | is | `options`, with their defaults |\n|---|---|---|"
    for name, place in nets.NAMES.items():
        module, _, function = place.partition(":")
        path = Path(next(iter(models.__path__))) / f"{module}.py"
        options = options_of(path, function, name)
        spelled = ", ".join(f"`{key} = {_toml(value)}`" for key, value in options.items())
        yield f"| `{name}` | {_first_line(path, function)} | {spelled} |"
    yield ""


def _teachers() -> Iterator[str]:
    yield "## `[teacher]` that is not trained here\n\nOne key says what it is ([teachers](teachers.md)); `export = false` keeps a net of torch's from being written as files.\n"
    told = {
        "checkpoint": ("import-checkpoint",),
        "weights": ("load-weights",),
        "file": ("import-model",),
        "text_encoder": ("embed", "fit-head"),
        "latent_semantics": ("find-semantics", "fit-head"),
        "saved_model": ("convert-keras",),
    }
    for key, names in told.items():
        yield f'### `{key} = "..."`\n'
        for name in names:
            yield from _described(stage_type(name), {"seed", "partly", "threads"})
            yield ""


def _stages() -> Iterator[str]:
    yield "## `[[stage]]`\n" + ABOUT_STAGES
    for name in OWN:
        kind = stage_type(name)
        yield from _section(f'`stage = "{name}"`', kind, without=TRAINING | {"model", "options"})
        inputs = [f"`{key}` ({' or '.join(kinds)})" for key, kinds in kind.takes.items()]
        trains = " It trains: the keys of `[training]` stand here too." if issubclass(kind, Training) else ""
        yield f"Inputs: {', '.join(inputs)}.{trains}\n"
        if name == "distill":
            yield from _methods()
    others = ", ".join(f"`{name}`" for name in STAGES if name not in OWN)
    yield f"Put in by themselves where they are needed: {others}.\n"


def _tune() -> Iterator[str]:
    yield from _section("`[tune]`", SearchSpace, level=2)


def _methods() -> Iterator[str]:
    """The ways of teaching; their modules, which need torch, are not imported."""
    yield "A method's table has a `name`, a `weight` where its own shall not stand, and its options; [distillation](distillation.md) says when to use which."
    yield "`module:Class` is one of your own.\n"
    yield "| `name` | is | `weight` | options, with their defaults |\n|---|---|---|---|"
    for name, place in ways.NAMES.items():
        module, _, kind = place.partition(":")
        tree = ast.parse((Path(next(iter(methods.__path__))) / f"{module}.py").read_text())
        made = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind)
        said = re.split(r"(?<! al)\.\s", (ast.get_docstring(made) or "").replace("\n", " "))[0].rstrip(".")
        spelled = ", ".join(f"`{key} = {_toml(value)}`" for key, value in ways.known(name).items())
        yield f"| `{name}` | {said} | {_weight(made)} | {spelled} |"
    yield ""


def _weight(kind: ast.ClassDef) -> float:
    """The weight that a method has unless a recipe says otherwise; 1 where its class names none."""
    named = [node for node in kind.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "weight"]
    return float(ast.literal_eval(named[0].value)) if named and named[0].value else 1.0


def _measure() -> Iterator[str]:
    yield from _section("`[measure]`", Measure, level=2)


def _section(title: str, kind: type, without: Iterable[str] = (), level: int = 3) -> Iterator[str]:
    yield f"{'#' * level} {title}\n"
    yield from _described(kind, without)
    yield ""


def _described(kind: type, without: Iterable[str] = ()) -> Iterator[str]:
    """What a dataclass says of itself, and its fields as rows."""
    yield inspect.cleandoc(kind.__doc__ or "") + "\n"
    fields = [field for field in dataclasses.fields(kind) if field.name not in without]
    if fields:
        hints = get_type_hints(kind)
        yield "| key | type | default |\n|---|---|---|"
        for field in fields:
            yield f"| `{field.name}` | {_type(hints[field.name])} | {_default(field)} |"


def _type(hint: Any) -> str:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(f"`{_toml(value)}`" for value in inside)
    if origin in (types.UnionType, Union):
        return " or ".join(_type(one) for one in inside if one is not type(None))
    if origin is tuple:
        return f"array of {_type(inside[0])}"
    if origin is not None and issubclass(origin, Mapping):
        return "table"
    return {int: "whole number", float: "number", str: "text", bool: "true or false"}.get(hint, str(hint))


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{_toml(field.default_factory())}`"
    if field.default is dataclasses.MISSING:
        return "must be given"
    return "none" if field.default in (None, "") else f"`{_toml(field.default)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }" if value else "{}"
    return f"[{', '.join(_toml(inner) for inner in value)}]" if isinstance(value, tuple | list) else str(value)


def _found(catalog: str, place: str) -> type:
    module, _, name = place.partition(":")
    found: type = getattr(import_module(f".{module}", catalog.rpartition(".")[0]), name)
    return found


def _first_line(path: Path, function: str) -> str:
    """The first line of a factory's docstring; its module, which needs torch, is not imported."""
    functions = (node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef))
    said = next(ast.get_docstring(node) for node in functions if node.name == function)
    return (said or "").partition("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page())
