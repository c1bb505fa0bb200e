"""The nets there are, by name, and the user's own by `module:factory`."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadRecipe, EdgestillError, choices
from .factory import check_options, options_of, own_file, own_folder, own_sources

if TYPE_CHECKING:
    from torch import nn

NAMES = {
    "ds-cnn": "ds_cnn:ds_cnn",
    "residual": "residual:residual",
    "resnet8": "residual:resnet8",
    "mobilenet-v1": "mobilenet:mobilenet_v1",
    "mobilenet-v2": "mobilenet:mobilenet_v2",
}


def check(model: str, options: Mapping[str, Any]) -> None:
    """BadRecipe when no net has that name or no such option. The user's own is looked up in the recipe's folder."""
    where = f"model {model!r}"
    if model in NAMES:
        module, _, function = NAMES[model].partition(":")
        check_options(options, options_of(Path(__file__).parent / f"{module}.py", function, where), where)
    elif not _is_own(model):
        raise BadRecipe(
            f"no model is named {model!r}; there are {choices(NAMES)}, or module:factory for one of your own"
        )
    elif own_folder():
        check_options(options, options_of(own_file(model), model.partition(":")[2], where), where)


def sources(model: str) -> list[Path]:
    """The user's own source files behind a model; none for ours."""
    return own_sources(model) if _is_own(model) else []


def build(model: str, shape: tuple[int, ...], classes: int, options: Mapping[str, Any]) -> "nn.Module":
    """The net: x (n,c,h,w) for samples of shape (h,w,c) -> logits (n,classes).

    The user's own factory is called as `factory(shape, classes, **options)`, in `factories_in` of the recipe's folder.
    BadRecipe when the name, an option or what the factory returns is not as it should be.
    """
    from torch import nn

    check(model, options)
    factory = _own_factory(model) if _is_own(model) else _factory(NAMES[model])
    try:
        net = factory(shape, classes, **{name: _frozen(value) for name, value in options.items()})
    except EdgestillError:
        raise
    except (Exception, SystemExit) as error:  # the user's own code may raise anything
        raise BadRecipe(f"model {model!r}: cannot be built: {type(error).__name__}: {error}") from error
    if not isinstance(net, nn.Module):
        raise BadRecipe(f"model {model!r}: the factory returned {type(net).__name__}, expected a torch.nn.Module")
    return net


def _factory(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(f".{module}", __package__), function)
    return found


def _own_factory(model: str) -> Callable[..., Any]:
    module, _, function = model.partition(":")
    path = own_file(model)
    with _importable(own_folder() or path.parent):
        try:
            imported = importlib.import_module(module)
        except Exception as error:  # the user's own code may raise anything
            raise BadRecipe(
                f"model {model!r}: {path.name} cannot be imported: {type(error).__name__}: {error}"
            ) from error
    if Path(imported.__file__ or "").resolve() != path.resolve():
        raise BadRecipe(f"model {model!r}: another module is called {module!r} already; give {path.name} another name")
    found: Callable[..., Any] = getattr(imported, function)
    return found


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _is_own(model: str) -> bool:
    module, colon, function = model.partition(":")
    return bool(colon) and function.isidentifier() and all(part.isidentifier() for part in module.split("."))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
