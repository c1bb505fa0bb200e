"""The targets there are, by name."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ..pipeline.errors import BadInput, DeviceFailed, EdgestillError, choices
from .emulation.board import BOARDS
from .emulation.emulated_pi import MODELS, EmulatedPi
from .emulation.microcontroller import Microcontroller
from .ethos_u import ACCELERATORS, EthosU
from .host import Host
from .host_python import HostPython
from .own import own_targets
from .target import Device, Target
from .web.browser import Browser

TARGETS: dict[str, Callable[[], Target]] = {
    "host": Host,
    "host:tflite-runtime": HostPython,
    **{f"emu:{core}": partial(Microcontroller, core) for core in BOARDS},
    **{name: partial(EthosU, name) for name in ACCELERATORS},
    **{f"emu:{board}": partial(EmulatedPi, board) for board in MODELS},
    "web": Browser,
}


def find(name: str) -> Target:
    """The target of this name, ours or the user's; BadInput lists what there is."""
    if name in TARGETS:
        return TARGETS[name]()
    own = own_targets()
    if name not in own:
        raise BadInput(f"no target is named {name!r}; there are {choices([*TARGETS, *own], name)}")
    return own[name]


def available() -> Iterator[tuple[Target, Device]]:
    """Every target with what it says of itself; of a device that cannot be reached, why."""
    found = [*(make() for make in TARGETS.values()), *own_targets().values()]
    with ThreadPoolExecutor(8) as pool:
        yield from zip(found, pool.map(_probed, found), strict=True)


def _probed(target: Target) -> Device:
    try:
        return target.probe()
    except DeviceFailed as error:
        return Device(f"cannot be used: {error.what}; see `edgestill doctor {target.name}`", {"error": str(error)})
    except EdgestillError as error:
        return Device(str(error), {"error": str(error)})
