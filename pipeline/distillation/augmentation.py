"""Augmentation: seeded changes of raw samples that keep their meaning, the same for a teacher and its students."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..preprocess import Preprocess
from .limits import at_least, at_most

Samples = NDArray[Any]
CHUNK = 4096  # samples changed at a time: only so many are ever held as floats
LEFT_OUT = 0.5  # the share of samples that a flip leaves as they are


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Epoch e sees view e modulo `views`: copies of the training set, the first of them the training set itself.

    In the others every sample is changed anew:
    `shift` moves it by up to so many pixels, zeros come in, as if it were padded and cropped at random; where it is
    not given it is 2 for images of bytes and 0 for all else. `time_shift` moves it so along time alone.
    `flip` lets left and right change places in half of the samples.
    `scale` multiplies it by a factor of mean 1 and this deviation; `noise` adds normal noise of this deviation, in the
    deviations that the preprocess divides by (Um et al. 2017, who call it jitter).
    `cutout` hides a square of this side (DeVries, Taylor 2017); `time_mask` and `frequency_mask` hide up to so many
    steps of time and bands of frequency (Park et al. 2019, SpecAugment). What is hidden is what a net sees as 0.
    """

    views: int = 8
    shift: int | None = None
    time_shift: int = 0
    flip: bool = False
    scale: float = 0.0
    noise: float = 0.0
    cutout: int = 0
    time_mask: int = 0
    frequency_mask: int = 0

    def __post_init__(self) -> None:
        at_least(self, views=1)
        at_most(self, views=1024, shift=64, time_shift=10_000, scale=1, noise=10)
        at_least(self, **dict.fromkeys(("shift", *_CHANGES), 0))
        if self.views == 1 and (asked := [name for name in ("shift", *_CHANGES) if getattr(self, name)]):
            raise ValueError(f"views is 1, and the first view is not changed: {asked[0]} needs views of 2 or more")


_CHANGES = ("time_shift", "flip", "scale", "noise", "cutout", "time_mask", "frequency_mask")


def augmentation_of(options: Augmentation) -> Augmentation:
    """The augmentation alone, of a stage that has other options too."""
    return Augmentation(**{field.name: getattr(options, field.name) for field in fields(Augmentation)})


def check_augmentation(how: Augmentation, preprocess: Preprocess) -> None:
    """BadInput for a change that makes no sense on samples of this kind."""
    asked = [name for name in ("shift", *_CHANGES) if getattr(how, name)]
    kind, senseless = _senseless(preprocess)
    if wrong := [name for name in asked if name in senseless]:
        raise BadInput(f"augmentation: {wrong[0]} makes no sense on {kind}; leave it out under [training]")
    if len(preprocess.shape) == 3:
        _check_sizes(how, preprocess)


def augmented(raw: Samples, how: Augmentation, preprocess: Preprocess, seed: list[int]) -> Samples:
    """Raw samples (n,h,w,c) changed, of the same shape and type; each kind of change draws from a stream of its own."""
    changes = _changes(how, preprocess, seed)
    if not changes:
        return raw
    out = np.empty_like(raw)
    for start in range(0, len(raw), CHUNK):
        part = raw[start : start + CHUNK]
        for change in changes:
            part = change(part)
        out[start : start + CHUNK] = part
    return out


def shifted(x: Samples, moves: NDArray[np.int64]) -> Samples:
    """Samples x (n,h,w,c), each moved by its own (down, right) of moves (n,2); what comes in is zero."""
    n, height, width, _ = x.shape
    down, right = np.abs(moves).max(axis=0, initial=0)
    padded = np.pad(x, ((0, 0), (down, down), (right, right), (0, 0)))
    rows = down - moves[:, :1] + np.arange(height)
    columns = right - moves[:, 1:] + np.arange(width)
    found: Samples = padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return found


def _senseless(preprocess: Preprocess) -> tuple[str, set[str]]:
    """What samples are called, and the changes that would change their meaning."""
    if preprocess.of_tokens:
        return "token ids", {"shift", *_CHANGES}
    if len(preprocess.shape) != 3:
        return f"samples of shape {preprocess.shape}", {"shift", *_CHANGES} - {"scale", "noise"}
    if preprocess.shape[0] == 1:
        return f"series of shape {preprocess.shape}", {"flip", "cutout", "frequency_mask"}
    if preprocess.front_end:
        return f"features of {preprocess.front_end.name}", {"flip"}
    return "images", set()


def _check_sizes(how: Augmentation, preprocess: Preprocess) -> None:
    """Nothing may move or hide a whole sample."""
    height, width, _ = preprocess.shape
    time, other = (width, height) if height == 1 else (height, width)
    largest = {"time_shift": time, "time_mask": time, "frequency_mask": other, "cutout": min(height, width)}
    largest["shift"] = min((length for length in (height, width) if length > 1), default=1)
    for name, length in largest.items():
        value = getattr(how, name) or 0
        if value >= length:
            raise BadInput(f"augmentation: {name} is {value}, but a sample is {preprocess.shape}; lower it")


def _changes(how: Augmentation, preprocess: Preprocess, seed: list[int]) -> list[Callable[[Samples], Samples]]:
    """The changes asked for, in their order; the stream of each depends on its place here alone."""
    check_augmentation(how, preprocess)
    given = (how.shift, how.time_shift, how.flip, how.scale, how.noise, how.cutout, how.time_mask, how.frequency_mask)
    shift = _usual_shift(preprocess) if how.shift is None else how.shift
    makers = (_shift, _time_shift, _flip, _scale, _noise, _cutout, _time_mask, _frequency_mask)
    changes = []
    for place, (amount, maker) in enumerate(zip((shift, *given[1:]), makers, strict=True)):
        if amount:
            random = np.random.default_rng([*seed, place] if place else seed)
            changes.append(maker(amount, preprocess, random))
    return changes


def _usual_shift(preprocess: Preprocess) -> int:
    is_image = preprocess.dtype == "uint8" and len(preprocess.shape) == 3 and min(preprocess.shape[:2]) > 4
    return 2 if is_image else 0


def _shift(reach: float, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    movable = np.array(preprocess.shape[:2]) > 1
    return lambda x: shifted(x, random.integers(-int(reach), int(reach) + 1, (len(x), 2)) * movable)


def _time_shift(reach: float, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    along = np.array([0, 1]) if preprocess.shape[0] == 1 else np.array([1, 0])
    return lambda x: shifted(x, random.integers(-int(reach), int(reach) + 1, (len(x), 1)) * along)


def _flip(_: float, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    return lambda x: np.where((random.random(len(x)) < LEFT_OUT)[:, None, None, None], x, x[:, :, ::-1])


def _scale(deviation: float, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    def change(x: Samples) -> Samples:
        factors = random.normal(1, deviation, (len(x), *[1] * (x.ndim - 1)))
        return _as(x.dtype, x * factors.astype(np.float32))

    return change


def _noise(deviation: float, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    unit = preprocess.unit * np.float32(deviation)
    return lambda x: _as(x.dtype, x + unit * random.standard_normal(x.shape, np.float32))


def _cutout(side: float, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    def change(x: Samples) -> Samples:
        rows, columns = (_span(length, np.full(len(x), side), random) for length in x.shape[1:3])
        return _hidden(x, rows[:, :, None] & columns[:, None, :], preprocess)

    return change


def _time_mask(most: float, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    return _mask(most, 2 if preprocess.shape[0] == 1 else 1, preprocess, random)


def _frequency_mask(most: float, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    return _mask(most, 2, preprocess, random)


def _mask(most: float, axis: int, preprocess: Preprocess, random: np.random.Generator) -> Callable[[Samples], Samples]:
    def change(x: Samples) -> Samples:
        inside = _span(x.shape[axis], random.integers(0, int(most) + 1, len(x)), random)
        return _hidden(x, inside[:, :, None] if axis == 1 else inside[:, None, :], preprocess)

    return change


def _span(length: int, widths: Samples, random: np.random.Generator) -> NDArray[np.bool_]:
    """Which of `length` positions lie inside one run of its own width, anywhere: (n,length)."""
    start = np.floor(random.random(len(widths)) * (length - widths + 1)).astype(np.int64)[:, None]
    position = np.arange(length)
    return np.asarray((position >= start) & (position < start + widths[:, None]))


def _hidden(x: Samples, inside: NDArray[np.bool_], preprocess: Preprocess) -> Samples:
    """Samples with the preprocess's mean, which a net sees as 0, where `inside`, broadcast to (n,h,w), says so."""
    return _as(x.dtype, np.where(inside[..., None], preprocess.zero, x))


def _as(dtype: np.dtype[Any], x: Samples) -> Samples:
    """Values in the samples' own type; whole numbers are rounded and kept in range."""
    if dtype.kind not in "iu":
        return x.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(x), limits.min, limits.max).astype(dtype)
