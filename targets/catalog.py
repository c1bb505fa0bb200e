"""The targets there are, by name."""

from collections.abc import Callable, Iterator

from ..pipeline.errors import BadInput, choices
from .host import Host
from .target import Device, Target

TARGETS: dict[str, Callable[[], Target]] = {"host": Host}


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
