"""A student's first weights, taken from its teacher: whole layers of it, or its strongest channels."""

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from ..errors import BadInput
from ..models.checkpoint import Checkpoint
from .taps import output_layer

Start = Callable[[nn.Module], None]


def from_teacher(how: str, teacher: Checkpoint) -> Start:
    """What gives a new net its first weights: `how` is "drop-layers" or "channels"."""
    return partial({"drop-layers": take_layers, "channels": take_channels}[how], teacher=teacher)


def take_layers(net: nn.Module, teacher: Checkpoint) -> None:
    """Every layer of the net begins with the tensors of the teacher's layer at its path.

    A stack (a Sequential or ModuleList) may have fewer layers than the teacher's: its layer i of n begins with the
    teacher's i * m // n of m, every second of twice as many (Sanh et al. 2019, DistilBERT, section 2). BadInput names
    the first tensor that does not fit.
    """
    theirs, stacks = teacher.net.state_dict(), _stacks(net, teacher.net)
    found: dict[str, torch.Tensor] = {}
    for name, values in net.state_dict().items():
        place = _place(name, stacks)
        if place not in theirs or theirs[place].shape != values.shape:
            has = f"has shape {tuple(theirs[place].shape)}" if place in theirs else "is not there"
            raise BadInput(
                f"initial: {name} of the student has shape {tuple(values.shape)}, {place} of the teacher {has}; "
                '"drop-layers" wants the same net with fewer blocks: give both the same sizes under [student] and '
                "[teacher]"
            )
        found[name] = theirs[place]
    net.load_state_dict(found)


def take_channels(net: nn.Module, teacher: Checkpoint) -> None:
    """The net, the same as the teacher's but narrower, begins with the teacher's strongest channels and all that hangs
    on them, as pruning to its widths would leave them. BadInput names the layer where they are not alike."""
    from ..models.channels import example_of, keep_strongest, refuse_tables

    refuse_tables(net, "initial")
    copied = copy.deepcopy(teacher.net)
    example = example_of(teacher.about.preprocess.shape)
    keep_strongest(copied, example, [output_layer(copied, example)], partial(_width, dict(net.named_modules())))
    try:
        net.load_state_dict(copied.state_dict())
    except RuntimeError as error:
        raise BadInput(f"initial: the teacher's channels do not fit the student: {error}; {_NARROWER}") from error


_NARROWER = '"channels" wants the same net with smaller widths under [student] than under [teacher]'


def _width(layers: dict[str, nn.Module], path: str, channels: int) -> int:
    """How many of so many channels the student's layer at the path has."""
    layer = layers.get(path)
    if not isinstance(layer, nn.Conv2d | nn.Linear):
        raise BadInput(f"initial: the teacher's layer {path} has no counterpart in the student; {_NARROWER}")
    if len(layer.weight) > channels:
        raise BadInput(
            f"initial: layer {path} of the student has {len(layer.weight)} channels, the teacher's {channels}; "
            f"{_NARROWER}"
        )
    return len(layer.weight)


def _stacks(net: nn.Module, teacher: nn.Module) -> dict[str, tuple[int, int]]:
    """The outermost stacks in which the net has fewer layers than the teacher: path -> own number, the teacher's."""
    theirs = dict(teacher.named_modules())
    found: dict[str, tuple[int, int]] = {}
    for path, layer in net.named_modules():
        other = theirs.get(path)
        if not isinstance(layer, nn.Sequential | nn.ModuleList) or not isinstance(other, type(layer)):
            continue
        if len(layer) < len(other) and not any(path.startswith(f"{outer}.") for outer in found):
            found[path] = len(layer), len(other)
    return found


def _place(name: str, stacks: dict[str, tuple[int, int]]) -> str:
    """Where the teacher keeps what the student calls so."""
    for path, (own, theirs) in stacks.items():
        number, dot, rest = name.removeprefix(f"{path}.").partition(".")
        if name.startswith(f"{path}.") and number.isdigit():
            return f"{path}.{int(number) * theirs // own}{dot}{rest}"
    return name
