"""The nets there are, by name, and the user's own by `module:factory`."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadRecipe, EdgestillError, choices
from ..own_code import is_own, own_file, own_folder, own_function, own_sources
from .factory import check_options, options_of

if TYPE_CHECKING:
    from torch import nn

NAMES = {
    "ds-cnn": "ds_cnn:ds_cnn",
    "residual": "residual:residual",
    "resnet8": "residual:resnet8",
    "resnet18": "residual:resnet18",
    "mobilenet-v1": "mobilenet:mobilenet_v1",
    "mobilenet-v2": "mobilenet:mobilenet_v2",
    "cnn-1d": "cnn_1d:cnn_1d",
    "transformer": "transformer:transformer",
    "text-cnn": "text_cnn:text_cnn",
    "dense-autoencoder": "autoencoder:dense_autoencoder",
}
OF_TOKENS = ("text-cnn", "transformer")
OF_ANYTHING = ("dense-autoencoder",)


def check(model: str, options: Mapping[str, Any]) -> None:
    """BadRecipe when no net has that name or no such option. The user's own is looked up in the recipe's folder."""
    where = f"model {model!r}"
    if model not in NAMES and not is_own(model):
        raise BadRecipe(
            f"no model is named {model!r}; there are {choices(NAMES, model, ', or module:factory for one of your own')}"
        )
    known = _options(model, where)
    if known is not None:
        check_options(options, known, where)


def filled(model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of a net as far as it can be read here: as it is given, else as it is by default."""
    known = _options(model, f"model {model!r}") or {}
    return {name: _frozen(value) for name, value in {**known, **options}.items()}


def _options(model: str, where: str) -> dict[str, Any] | None:
    """A net's options with their defaults; None for one of the user's own outside of a recipe's folder."""
    if model in NAMES:
        module, _, function = NAMES[model].partition(":")
        return options_of(Path(__file__).parent / f"{module}.py", function, where)
    return options_of(own_file(model, where), model.partition(":")[2], where) if own_folder() else None


def sources(model: str) -> list[Path]:
    """The user's own source files behind a model; none for ours."""
    return own_sources(model, f"model {model!r}") if is_own(model) else []


def build(model: str, shape: tuple[int, ...], outputs: int, options: Mapping[str, Any]) -> "nn.Module":
    """The net: x (n,c,h,w) for samples of shape (h,w,c) -> (n,outputs): logits, values, or x again.

    The user's own factory is called as `factory(shape, outputs, **options)`, in `factories_in` of the recipe's folder.
    BadRecipe when the name, an option or what the factory returns is not as it should be.
    """
    from torch import nn

    check(model, options)
    _check_samples(model, shape)
    factory = own_function(model, f"model {model!r}") if is_own(model) else _factory(NAMES[model])
    try:
        net = factory(shape, outputs, **{name: _frozen(value) for name, value in options.items()})
    except EdgestillError:
        raise
    except (Exception, SystemExit) as error:  # the user's own code may raise anything
        raise BadRecipe(f"model {model!r}: cannot be built: {type(error).__name__}: {error}") from error
    if not isinstance(net, nn.Module):
        raise BadRecipe(f"model {model!r}: the factory returned {type(net).__name__}, expected a torch.nn.Module")
    return net


def _check_samples(model: str, shape: tuple[int, ...]) -> None:
    """BadRecipe when a net of ours is made for other samples."""
    if model in NAMES and model not in (*OF_TOKENS, *OF_ANYTHING) and len(shape) != 3:
        raise BadRecipe(
            f"model {model!r}: takes images, samples of shape (height, width, channels); these have {shape}: choose "
            f"{' or '.join(OF_TOKENS)} for token ids, {' or '.join(OF_ANYTHING)} for values in a row"
        )


def _factory(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(f".{module}", __package__), function)
    return found


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
