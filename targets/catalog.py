"""The targets there are, by name."""

from collections.abc import Callable, Iterator
from functools import partial

from ..pipeline.errors import BadInput, choices
from .emulation.board import BOARDS
from .host import Host
from .microcontroller import Microcontroller
from .target import Device, Target

TARGETS: dict[str, Callable[[], Target]] = {
    "host": Host,
    **{f"emu:{core}": partial(Microcontroller, core) for core in BOARDS},
}


def find(name: str) -> Target:
    """The target of this name; BadInput lists what there is."""
    if name not in TARGETS:
        raise BadInput(f"no target is named {name!r}; there are {choices(TARGETS)}")
    return TARGETS[name]()


def available() -> Iterator[tuple[Target, Device]]:
    """Every target with what it says of itself."""
    for make in TARGETS.values():
        target = make()
        yield target, target.probe()
