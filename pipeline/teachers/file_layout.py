"""How a foreign file wants its samples laid out: told by the shape of its input, without reading its operators."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadModel
from ..preprocess import channels_first
from ..runtimes.runtime import Port

Layout = Literal["", "channels-first", "channels-last"]


def laid_out(samples: NDArray[Any], port: Port, layout: Layout, where: str) -> NDArray[Any]:
    """Samples (n,h,w,c) as the port takes them: channels first or last, without its only channel, or flat.

    BadModel when none fits, or when two do that are not the same and no layout was named.
    """
    forms = {name: form for name, form in _forms(samples).items() if layout in ("", name)}
    fitting = {name: form for name, form in forms.items() if _fits(form.shape, port.shape)}
    if not fitting:
        shapes = " or ".join(f"{form.shape[1:]} ({name})" for name, form in forms.items())
        raise BadModel(f"{where}: its input {port.name!r} takes {port.shape[1:]}, but the samples are {shapes}")
    first, *others = fitting.values()
    if any(not _alike(first, other) for other in others):
        raise BadModel(
            f"{where}: its input {port.name!r} takes {port.shape[1:]}, which fits {' and '.join(fitting)} alike; "
            f'say which under [teacher]: layout = "channels-first"'
        )
    return first


def _forms(samples: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
    forms: dict[str, NDArray[Any]] = {"channels-last": samples}
    if samples.ndim == 4:
        forms["channels-first"] = channels_first(samples)
        if samples.shape[-1] == 1:
            forms["without the channel"] = samples[..., 0]
        forms["flat"] = samples.reshape(len(samples), -1)
    return forms


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether every axis but the batch's is as long as wanted, or any length is."""
    return len(shape) == len(wanted) and all(
        there in (length, -1) for length, there in zip(shape[1:], wanted[1:], strict=True)
    )


def _alike(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return first.shape == second.shape and np.array_equal(first, second)
