"""The best settings as a recipe that is ready to run."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...pipeline.recipe import Recipe
from ..whole import written_whole
from .settings import Settings, changed, tuned_stage


def write_recipe(recipe: Recipe, settings: Settings, opening: str, path: Path) -> None:
    """The recipe's file with these settings in its tuned stage, under a line of comment; its own comments are gone.

    Elsewhere than the recipe it says by its `folder` where the files lie that it names.
    """
    whole = tomllib.loads(recipe.path.read_text(encoding="utf-8-sig"))
    own, here = recipe.folder.resolve(), path.parent.resolve()
    whole["folder"] = os.path.relpath(own, here) if own != here else "."
    table = tuned_stage(recipe)
    whole["stage"][recipe.stages.index(table)].update(changed(table, settings))
    with written_whole(path) as beside:
        beside.write_text(f"# {opening}\n{toml(whole)}", encoding="utf-8")


def toml(whole: Mapping[str, Any]) -> str:
    """A TOML document of plain values, tables and arrays of tables (TOML 1.0)."""
    tables = {key: value for key, value in whole.items() if _is_table(value) or _are_tables(value)}
    lines = [f"{_key(key)} = {_value(value)}\n" for key, value in whole.items() if key not in tables]
    return "".join([*lines, *(part for key, value in tables.items() for part in _tables(key, value))])


def _tables(key: str, value: Any) -> Iterator[str]:
    each = [value] if _is_table(value) else value
    head = f"[{_key(key)}]" if _is_table(value) else f"[[{_key(key)}]]"
    for table in each:
        yield f"\n{head}\n" + "".join(f"{_key(name)} = {_value(part)}\n" for name, part in table.items())


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _are_tables(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and bool(value) and all(map(_is_table, value))


def _key(name: str) -> str:
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isalnum() and bare.isascii() else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    """A value on one line; a table within a table is an inline one."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {_value(part)}" for name, part in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)
