"""A TOML table to a frozen dataclass: unknown keys, wrong types and bad values are errors that say what there is."""

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .artifact import canonical_json
from .errors import BadInput, BadRecipe, choices

T = TypeVar("T")
LARGEST = 2**31 - 1  # of a whole number that is an option, or stands for a real one


def build(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    """An instance of the dataclass `kind` from a table; BadRecipe starts with `where`."""
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [key for key in table if key not in fields]
    if unknown:
        raise BadRecipe(f"{where}: no key is named {unknown[0]!r}; there are {choices(fields, unknown[0])}")
    missing = [name for name, field in fields.items() if _required(field) and name not in table]
    if missing:
        raise BadRecipe(f"{where}: the key {missing[0]!r} is missing")
    hints = get_type_hints(kind)
    values = {key: convert(value, hints[key], f"{where}: {key}") for key, value in table.items()}
    try:
        return kind(**values)
    except (ValueError, BadInput) as error:
        raise BadRecipe(f"{where}: {error}") from error


def convert(value: Any, hint: Any, where: str) -> Any:
    """A TOML value as the type the hint asks for: arrays become tuples, whole numbers may stand for floats."""
    origin = get_origin(hint)
    if origin is Literal:
        if value not in get_args(hint):
            raise BadRecipe(f"{where}: {value!r} is not a choice; there are {choices(get_args(hint), value)}")
        return value
    if origin in (types.UnionType, Union):
        return _first_that_fits(value, hint, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise BadRecipe(f"{where}: {value!r} is {_name(value)}, expected an array")
        return tuple(convert(item, get_args(hint)[0], where) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise BadRecipe(f"{where}: {value!r} is {_name(value)}, expected a table")
        return _plain(value, where)
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        raise BadRecipe(f"{where}: {str(value)[:12]}... is too large a number")
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRecipe(f"{where}: {value} is no number to work with")
    if hint is not Any and (not isinstance(value, hint) or (hint is int and isinstance(value, bool))):
        raise BadRecipe(f"{where}: {value!r} is {_name(value)}, expected {_EXPECTED.get(hint, hint.__name__)}")
    return value


def _plain(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A free table, of which nothing is known but that it must be plain JSON values."""
    try:
        canonical_json(dict(table))
    except (TypeError, ValueError) as error:
        raise BadRecipe(f"{where}: {error}; numbers, strings, booleans, arrays and tables are carried") from error
    return dict(table)


_EXPECTED = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


def _name(value: Any) -> str:
    named = {
        bool: "a boolean",
        int: "a whole number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "a table",
    }
    return named.get(type(value), type(value).__name__)


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _first_that_fits(value: Any, hint: Any, where: str) -> Any:
    errors = []
    for choice in get_args(hint):
        try:
            return convert(value, choice, where)
        except BadRecipe as error:
            errors.append(error)
    raise errors[0]
