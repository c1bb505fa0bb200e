"""Frozen dataclasses to plain JSON values and back, told by their type hints."""

import dataclasses
import json
import sys
import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ..pipeline.errors import BadInput, choices

T = TypeVar("T")


def plain(value: Any) -> Any:
    """Dataclasses and mappings as dicts, tuples as lists; a dataclass's keys in the order of its fields."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value.value if isinstance(value, Enum) else value


def print_json(document: Any) -> None:
    """One JSON document on standard output, keys in one order."""
    json.dump(document, sys.stdout, indent=1, sort_keys=True, allow_nan=False)
    print()


def restore(kind: type[T], values: Any, where: str) -> T:
    """The dataclass that `plain` took apart; BadInput says which key of `where` does not fit."""
    if not isinstance(values, Mapping):
        raise BadInput(f"{where}: a table is wanted here, not {values!r:.60}")
    hints, made = get_type_hints(kind), {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name not in values and field.default is not dataclasses.MISSING:
            continue  # written before there was this key
        if field.name not in values:
            raise BadInput(f"{where}: the key {field.name!r} is missing")
        made[field.name] = _restore(hints[field.name], values[field.name], f"{where}: {field.name}")
    return kind(**made)


def _restore(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        some = next(one for one in get_args(hint) if one is not type(None))
        return None if value is None else _restore(some, value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return restore(hint, value, where)
    if origin is tuple:
        parts = _checked(list, value, where)
        return tuple(_restore(get_args(hint)[0], part, f"{where}[{index}]") for index, part in enumerate(parts))
    if isinstance(hint, type) and issubclass(hint, Enum):
        if value not in [one.value for one in hint]:
            raise BadInput(f"{where}: {value!r} is none of {choices(one.value for one in hint)}")
        return hint(value)
    if hint is float and isinstance(value, int):
        return float(value)
    if origin is Mapping:
        table = _checked(dict, value, where)
        return {key: _restore(get_args(hint)[1], part, f"{where}: {key}") for key, part in table.items()}
    return _checked(hint, value, where)


def _checked(kind: Any, value: Any, where: str) -> Any:
    if isinstance(kind, type) and not isinstance(value, kind):
        raise BadInput(f"{where}: {kind.__name__} is wanted here, not {value!r:.60}")
    return value
