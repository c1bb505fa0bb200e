"""A factory's source and its options, read and never run: a recipe is checked before anything heavy is imported."""

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ..errors import BadRecipe, choices

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


@contextmanager
def factories_in(folder: Path) -> Iterator[None]:
    """Inside the block, `module:factory` names a function of the user's own, in a module that lies in `folder`."""
    token = _folder.set(folder.absolute())
    try:
        yield
    finally:
        _folder.reset(token)


def own_folder() -> Path | None:
    """The folder that holds the user's own modules; None outside of `factories_in`."""
    return _folder.get()


def own_file(named: str) -> Path:
    """The source file of the user's `module:factory`; BadRecipe when it is not there."""
    module = named.partition(":")[0]
    folder = own_folder()
    if folder is None:
        raise BadRecipe(
            f"model {named!r}: a net of your own lies beside the recipe that names it, but no recipe is read here"
        )
    path = _module_file(folder, module)
    if not path.is_file():
        raise BadRecipe(f"model {named!r}: there is no {path.relative_to(folder)} in {folder}")
    return path


def own_sources(named: str) -> list[Path]:
    """The user's own source files that `module:factory` runs: its module, and those it imports from the same folder."""
    found: set[Path] = set()
    waiting = [own_file(named), *_run_by(own_folder() or Path(), named.partition(":")[0])]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return sorted(found)


def options_of(path: Path, function: str, where: str) -> dict[str, Any]:
    """The factory's parameters after shape and classes with their defaults; None for a default that is no literal."""
    functions = {node.name: node for node in _parsed(path, where).body if isinstance(node, ast.FunctionDef)}
    if function not in functions:
        raise BadRecipe(f"{where}: {path.name} has no function {function!r}; there are {choices(functions) or 'none'}")
    arguments = functions[function].args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    named = [argument.arg for argument in arguments.kwonlyargs]
    defaults: dict[str, ast.expr | None] = dict(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    defaults |= dict(zip(named, arguments.kw_defaults, strict=True))
    return {name: _literal(defaults.get(name)) for name in (*positional[2:], *named)}


def check_options(options: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    """BadRecipe for an option that the factory does not have, or whose value is not like its default."""
    for name, value in options.items():
        if name not in known:
            raise BadRecipe(f"{where}: no option is named {name!r}; there are {choices(known) or 'none'}")
        if known[name] is not None and not _alike(value, known[name]):
            raise BadRecipe(f"{where}: {name} is {value!r}; expected something like {_spelled(known[name])}, above 0")


def _alike(value: Any, default: Any) -> bool:
    """Whether an option can stand where its default stands: the same type, and numbers above 0."""
    if isinstance(default, tuple | list):
        return isinstance(value, tuple | list) and len(value) > 0 and all(_alike(item, default[0]) for item in value)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int | float):
        return isinstance(value, int if isinstance(default, int) else int | float) and value > 0
    return isinstance(value, type(default))


def _spelled(value: Any) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def _literal(node: ast.expr | None) -> Any:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None


def _parsed(path: Path, where: str) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), path.name)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{where}: {path.name} is not Python: {error}") from error


def _imported(path: Path) -> list[Path]:
    """The files in the user's folder that a source file imports by name."""
    folder = own_folder() or path.parent
    modules: list[str] = []
    for node in ast.walk(_parsed(path, path.name)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            around = path.parents[node.level - 1] if node.level else folder
            if not around.is_relative_to(folder):
                continue
            module = ".".join((*around.relative_to(folder).parts, *filter(None, [node.module])))
            modules += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return [file for module in modules for file in _run_by(folder, module)]


def _run_by(folder: Path, module: str) -> list[Path]:
    """The files that importing a module runs: its own, and the __init__ of every package around it."""
    parts = module.split(".")
    packages = [folder.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [file for file in (_module_file(folder, module), *packages) if file.is_file()]


def _module_file(folder: Path, module: str) -> Path:
    return folder / f"{module.replace('.', '/')}.py"
