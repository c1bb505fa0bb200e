"""The user's own code and files, beside the recipe that names them: found, read, and run only when they are called."""

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any

from .errors import BadRecipe

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)
_imported_from: dict[str, Path] = {}  # the user's own modules, by name


@contextmanager
def factories_in(folder: Path) -> Iterator[None]:
    """Inside the block, `module:function` names a function of the user's own, in a module that lies in `folder`."""
    token = _folder.set(folder.absolute())
    try:
        yield
    finally:
        _folder.reset(token)


def own_folder() -> Path | None:
    """The folder that holds the user's own modules and files; None outside of `factories_in`."""
    return _folder.get()


def is_own(named: str) -> bool:
    """Whether this is `module:function`."""
    module, colon, function = named.partition(":")
    return bool(colon) and function.isidentifier() and all(part.isidentifier() for part in module.split("."))


def own_file(named: str, where: str) -> Path:
    """The source file of the user's `module:function`; BadRecipe, which starts with `where`, when it is not there."""
    module = named.partition(":")[0]
    folder = own_folder()
    if folder is None:
        raise BadRecipe(f"{where}: what is your own lies beside the recipe that names it, but no recipe is read here")
    path = _module_file(folder, module)
    if not path.is_file():
        raise BadRecipe(f"{where}: there is no {path.relative_to(folder)} in {folder}")
    return path


def own_sources(named: str, where: str) -> list[Path]:
    """The user's own source files that `module:function` runs: its module, and what it imports from the same folder."""
    found: set[Path] = set()
    waiting = [own_file(named, where), *_run_by(own_folder() or Path(), named.partition(":")[0])]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return sorted(found)


def own_function(named: str, where: str) -> Callable[..., Any]:
    """The user's function itself, its module imported now; BadRecipe when that fails or another module has its name."""
    module, _, function = named.partition(":")
    path = own_file(named, where)
    with _importable(own_folder() or path.parent):
        try:
            imported = importlib.import_module(module)
        except (Exception, SystemExit) as error:  # the user's own code may raise anything
            raise BadRecipe(f"{where}: {path.name} cannot be imported: {type(error).__name__}: {error}") from error
    if Path(imported.__file__ or "").resolve() != path.resolve():
        raise BadRecipe(f"{where}: another module is called {module!r} already; give {path.name} another name")
    if not callable(found := getattr(imported, function, None)):
        raise BadRecipe(f"{where}: {path.name} has no function {function!r}")
    return _called_beside(found, own_folder() or path.parent)


def _called_beside(function: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """The function as it runs beside its own modules, which it may import when it is called."""

    @wraps(function)
    def called(*arguments: Any, **options: Any) -> Any:
        with _importable(folder):
            return function(*arguments, **options)

    return called


def parsed(path: Path, where: str) -> ast.Module:
    """A source file's syntax; BadRecipe when it is not Python."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"), path.name)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise BadRecipe(f"{where}: {path.name} is not Python: {error}") from error


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Inside the block, the folder's modules can be imported; those of the user's folders before it are forgotten.

    So the next folder may have modules of the same names; what was made of the one before goes on as it is.
    """
    for name in [name for name, own in _imported_from.items() if own != folder]:
        sys.modules.pop(name, None)
        del _imported_from[name]
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with suppress(ValueError):  # the user's own code may change the path too
            sys.path.remove(str(folder))
        _imported_from.update((name, folder) for name in set(sys.modules) - before if _lies_in(folder, name))


def _lies_in(folder: Path, module: str) -> bool:
    """Whether an imported module is the user's own in this folder, which may hold a checkout of ours as well."""
    if module.partition(".")[0] == __name__.partition(".")[0]:
        return False
    file = Path(getattr(sys.modules[module], "__file__", None) or "")
    return file in (_module_file(folder, module), folder.joinpath(*module.split("."), "__init__.py"))


def _imported(path: Path) -> list[Path]:
    """The files in the user's folder that a source file imports by name."""
    folder = own_folder() or path.parent
    modules: list[str] = []
    for node in ast.walk(parsed(path, path.name)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            around = path.parents[node.level - 1 : node.level] if node.level else [folder]
            for package in around:  # none beyond the root of the file system
                if package.is_relative_to(folder):
                    module = ".".join((*package.relative_to(folder).parts, *filter(None, [node.module])))
                    modules += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return [file for module in modules for file in _run_by(folder, module)]


def _run_by(folder: Path, module: str) -> list[Path]:
    """The files that importing a module runs: its own, and the __init__ of every package around it."""
    parts = module.split(".")
    packages = [folder.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [file for file in (_module_file(folder, module), *packages) if file.is_file()]


def _module_file(folder: Path, module: str) -> Path:
    return folder / f"{module.replace('.', '/')}.py"
