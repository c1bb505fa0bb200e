"""Nested loops over axes, as C text: how far each pointer moves along an axis, and axes that merge into one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

Shape = Sequence[int]
Step = int | str  # elements from one value to the next, or the name of a table with the offset of each


@dataclass(frozen=True)
class Axis:
    """`length` positions; each pointer of the loop, in turn, moves by its own step."""

    length: int
    steps: tuple[Step, ...]


def strides(shape: Shape) -> tuple[int, ...]:
    """Elements from one position to the next along each axis of an array without gaps."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def broadcast_strides(shape: Shape, to: Shape) -> tuple[int, ...]:
    """As `strides`, aligned at the last axis with a shape to which this one broadcasts; 0 where a value repeats."""
    own = strides(shape)
    missing = len(to) - len(shape)
    return (0,) * missing + tuple(step if length > 1 else 0 for length, step in zip(shape, own, strict=True))


def together(shape: Shape, *steps: Sequence[Step]) -> list[Axis]:
    """The axes of a shape, along which each pointer has its steps."""
    return [Axis(length, tuple(each)) for length, *each in zip(shape, *steps, strict=True)]


def merged(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """The same positions in the same order by fewer loops: axes of one position go, those that run on are joined."""
    found: list[Axis] = []
    for axis in axes:
        if axis.length == 1 and not any(isinstance(step, str) for step in axis.steps):
            continue
        if found and _runs_on(found[-1], axis):
            found[-1] = Axis(found[-1].length * axis.length, axis.steps)
        else:
            found.append(axis)
    return tuple(found)


def nested(axes: Sequence[Axis], pointers: Sequence[str], body: Callable[..., str], index: str = "i") -> str:
    """Loops around `body`, which is given an expression for each pointer and writes lines without indentation."""
    pairs = [(axis, f"{index}{depth}") for depth, axis in enumerate(axes)]
    places = (_place(name, [(axis.steps[k], i) for axis, i in pairs]) for k, name in enumerate(pointers))
    lines = body(*places).splitlines()
    for axis, count in reversed(pairs):
        head = f"for (uint32_t {count} = 0; {count} < {axis.length}u; {count}++) {{"
        lines = [head, *(f"    {line}" for line in lines), "}"]
    return "".join(f"{line}\n" for line in lines)


def indented(text: str) -> str:
    """As the body of a function stands in its file."""
    return "".join(f"    {line}\n" for line in text.splitlines())


def without_last(axes: Sequence[Axis], pointers: int) -> tuple[tuple[Axis, ...], Axis]:
    """The outer axes, and the innermost one, of one position when there is none."""
    if not axes:
        return (), Axis(1, (1,) * pointers)
    return tuple(axes[:-1]), axes[-1]


def _runs_on(outer: Axis, inner: Axis) -> bool:
    """Whether each pointer goes on where the inner axis ends."""
    return all(
        isinstance(a, int) and isinstance(b, int) and a == b * inner.length
        for a, b in zip(outer.steps, inner.steps, strict=True)
    )


def _place(name: str, steps: Sequence[tuple[Step, str]]) -> str:
    terms = [_term(step, index) for step, index in steps if step != 0]
    return " + ".join([name, *terms])


def _term(step: Step, index: str) -> str:
    if isinstance(step, str):
        return f"{step}[{index}]"
    return index if step == 1 else f"{index} * {step}u"
