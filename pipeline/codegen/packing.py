"""Weights and requantization as the matrix kernels read them, and whether a layer's numbers let them."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..graph.fixed_point import Integers, Multiplier, multiply
from .preference import CodeOptions
from .requantization import Requantization

Finish = Literal["relu", "signed", "clamped"]
WHOLE_SUM = 2**23  # sums are kept times 256 in 32 bits
CONSTANT = 2**30  # and what is added to their products has to leave room for these


@dataclass(frozen=True)
class Ending:
    """How sums that are kept times 256 become outputs, one value a channel: `kernels/matmul.h` has the arithmetic."""

    finish: Finish
    start: Integers
    multiplier: Integers
    constant: Integers
    shift: Integers

    def same(self) -> bool:
        """Whether all channels end with the same numbers."""
        return all(bool((a == a[0]).all()) for a in (self.multiplier, self.constant, self.shift))


def ending(made: Requantization, weights: NDArray[Any]) -> Ending | None:
    """For weights (outputs, terms); None where a number leaves the kernels' range, and the plain kernel must do."""
    if weights.min() == -128:
        return None
    bounds = reach(made, weights)
    channels = len(weights)
    significand, exponent = (np.broadcast_to(a.astype(np.int64), channels) for a in (made.multiplier, made.shift))
    finish = finish_of(made)
    shift = 7 - exponent
    half = np.where(exponent < 0, np.int64(1) << np.clip(-exponent - 1, 0, 62), 0)
    constant = (half << 7) + (made.zero_point << np.clip(shift, 0, 40))
    if finish == "relu":
        constant += np.where(exponent > 0, 64 >> np.clip(exponent, 0, 6), 64)
    lowest = 1 if finish == "relu" else 8  # signed ties need a second rounding to correct
    small = np.maximum(np.abs(bounds[0]), np.abs(bounds[1])) < WHOLE_SUM
    fits = small & (shift >= lowest) & (shift <= 31) & (np.abs(constant) < CONSTANT)
    fixed, values = constant_outputs(made, bounds)
    if not np.all(fits | fixed):
        return None
    never = ~fits
    return Ending(
        finish,
        np.where(never, 0, made.bias.astype(np.int64)),
        np.where(never, 0, significand),
        np.where(never, values << 7, constant),
        np.where(never, 7, shift),
    )


def finish_of(made: Requantization) -> Finish:
    """Ties of negative sums matter only where what is below the zero point is not cut off."""
    if (made.least, made.greatest) != (-128, 127):
        return "clamped"
    return "relu" if made.zero_point == -128 else "signed"


def reach(made: Requantization, weights: NDArray[Any]) -> tuple[Integers, Integers]:
    """The least and the greatest sum of each output, over all inputs of 8 bits."""
    rows = weights.reshape(len(weights), -1).astype(np.int64)
    positive, negative = np.maximum(rows, 0).sum(1), np.minimum(rows, 0).sum(1)
    bias = made.bias.astype(np.int64)
    return bias + 127 * negative - 128 * positive, bias + 127 * positive - 128 * negative


def constant_outputs(made: Requantization, bounds: tuple[Integers, Integers]) -> tuple[NDArray[np.bool_], Integers]:
    """Which outputs are the same for every input, since requantization is monotone; and that value."""
    by = Multiplier(made.multiplier.astype(np.int64), made.shift.astype(np.int64))
    low, high = (np.clip(multiply(b, by) + made.zero_point, made.least, made.greatest) for b in bounds)
    return low == high, low


def compact(end: Ending, zero_point: int) -> Ending | None:
    """With constants that follow from shifts alone, as `kernels/flash/matmul.h` makes them; None where they cannot.

    What is the zero point for every input needs no constant of its own either.
    """
    ties = 64 if end.finish == "relu" else 0
    is_zero_point = (end.multiplier == 0) & (end.constant == zero_point << 7)
    shift = np.where(is_zero_point, 8, end.shift)
    constant = ((2 * zero_point + 1) << np.maximum(shift - 1, 0)) + ties
    if not np.all((shift >= 8) & (is_zero_point | (constant == end.constant))):
        return None
    return replace(end, shift=shift, constant=constant)


def packed(weights: NDArray[Any], end: Ending, options: CodeOptions, zero_point: int) -> NDArray[np.uint32]:
    """Weights (outputs, terms) in the order of the activations, pair by pair of outputs, as the `matmul.h` says.

    `zero_point` is that of the outputs; an ending is `compact` where flash is preferred.
    """
    rows, outputs = _whole_words(weights), len(weights)
    pairs = np.array([[o, o + 1] for o in range(0, outputs - 1, 2)] + [[outputs - 2, outputs - 1]] * (outputs % 2))
    start = _start(rows, end, options)[pairs]
    further = np.append(pairs[1:, 0], outputs) - pairs[:, 1]
    words = _words(rows, options)[pairs].transpose(0, 2, 1).reshape(len(pairs), -1)
    if options.prefer == "flash":
        tail = _tail(end, pairs, further, zero_point)
    else:
        tail = np.stack([end.multiplier, end.constant, end.shift], axis=1)[pairs]
        tail[:, 1, 2] += 256 * further
    return _uint32(np.concatenate([start, words, tail.reshape(len(pairs), -1)], axis=1))


def _tail(end: Ending, pairs: Integers, further: Integers, zero_point: int) -> Integers:
    """One word for both shifts, the way to the next pair and the zero point; then the multipliers."""
    shift = end.shift[pairs]
    word = shift[:, 0] + (shift[:, 1] << 8) + (further << 16) + ((2 * zero_point + 1) << 23)
    return np.concatenate([word[:, None], end.multiplier[pairs]], axis=1)


def packed_in_fours(
    weights: NDArray[Any], end: Ending, options: CodeOptions, *, each: bool
) -> tuple[NDArray[np.uint32], int]:
    """The same for `kernels/dense_rows.h`, and how many words four outputs take; `each` with their own endings."""
    rows, more = _whole_words(weights), -len(weights) % 4
    start = np.pad(_start(rows, end, options), (0, more)).reshape(-1, 4)
    words = np.pad(_words(rows, options), ((0, more), (0, 0))).reshape(len(start), 4, -1).transpose(0, 2, 1)
    tail = np.pad(np.stack([end.multiplier, end.constant, end.shift], axis=1), ((0, more), (0, 0)))
    parts = [start, words.reshape(len(start), -1), *([tail.reshape(len(start), -1)] if each else [])]
    whole = np.concatenate(parts, axis=1)
    return _uint32(whole), whole.shape[1]


def _whole_words(weights: NDArray[Any]) -> Integers:
    return np.pad(weights.astype(np.int64), ((0, 0), (0, -weights.shape[1] % 4)))


def _start(rows: Integers, end: Ending, options: CodeOptions) -> Integers:
    """Start values times 256, less what the kernels' products are too great by."""
    return np.asarray(256 * end.start - (0 if options.wide_weights else 129 * rows[:, 1::2].sum(1)))


def _uint32(values: NDArray[Any]) -> NDArray[np.uint32]:
    return np.asarray(values & 0xFFFFFFFF).astype(np.uint32).reshape(-1)


def _words(rows: NDArray[Any], options: CodeOptions) -> NDArray[Any]:
    """Four weights a word, as two halves: 256 times the first less the second. Wide ones: two words, each times 256."""
    if options.wide_weights:
        first, second, third, fourth = ((256 * rows[:, i::4]) & 0xFFFF for i in range(4))
        words = np.stack([first | (third << 16), second | (fourth << 16)], axis=2)
        return np.asarray(words.reshape(len(rows), -1))
    halves = (256 * rows[:, 0::2] - rows[:, 1::2]) & 0xFFFF
    return np.asarray(halves[:, 0::2] | (halves[:, 1::2] << 16))
