"""A factory's options, read and never run: a recipe is checked before anything heavy is imported."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BadRecipe, choices
from ..own_code import parsed


def options_of(path: Path, function: str, where: str, given: int = 2) -> dict[str, Any]:
    """The parameters of a function, or of a class's `__init__`, with their defaults; None for one that is no literal.

    The first `given` are not options: a factory is called with shape and outputs.
    """
    found = [node for node in parsed(path, where).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    named = {node.name: node for node in found}
    if function not in named:
        raise BadRecipe(
            f"{where}: {path.name} has no function {function!r}; there are {choices(named, function) or 'none'}"
        )
    node = named[function]
    if isinstance(node, ast.FunctionDef):
        return _defaults(node.args, given)
    making = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    return _defaults(making[0].args, given + 1) if making else {}


def _defaults(arguments: ast.arguments, given: int) -> dict[str, Any]:
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    named = [argument.arg for argument in arguments.kwonlyargs]
    defaults: dict[str, ast.expr | None] = dict(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    defaults |= dict(zip(named, arguments.kw_defaults, strict=True))
    return {name: _literal(defaults.get(name)) for name in (*positional[given:], *named)}


def check_options(options: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    """BadRecipe for an option that the factory does not have, or whose value is not like its default."""
    for name, value in options.items():
        if name not in known:
            raise BadRecipe(f"{where}: no option is named {name!r}; there are {choices(known, name) or 'none'}")
        if known[name] is not None and not _alike(value, known[name]):
            raise BadRecipe(f"{where}: {name} is {value!r}; expected something like {_spelled(known[name])}")


def _alike(value: Any, default: Any) -> bool:
    """Whether an option can stand where its default stands: the same type; whole numbers above 0, others not below."""
    if isinstance(default, tuple | list):
        return isinstance(value, tuple | list) and len(value) > 0 and all(_alike(item, default[0]) for item in value)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int):
        return isinstance(value, int) and value > 0
    if isinstance(default, float):
        return isinstance(value, int | float) and value >= 0
    return isinstance(value, type(default))


def _spelled(value: Any) -> str:
    limit = {int: ", above 0", float: ", not below 0"}.get(type(value), "")
    return repr(list(value)) if isinstance(value, tuple) else f"{value!r}{limit}"


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
