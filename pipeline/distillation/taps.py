"""Taps: what layers inside a net give, by their module path, while the net computes as ever."""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ..errors import BadRecipe, choices, meant
from .answers import Answers

EMBEDDING = "embedding"  # what goes into the layer that gives the outputs, whatever that layer is called
SHOWN = 20  # module paths that an error lists


class Tapped:
    """A net that also tells what the layers at `paths` gave; made by `tapped`, which takes the hooks away again."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.heard: dict[str, torch.Tensor] = {}

    def __call__(self, x: torch.Tensor) -> Answers:
        """Outputs and features of x, in float32."""
        self.heard.clear()
        outputs = self.net(x).float()
        return Answers(outputs, {path: values.float() for path, values in self.heard.items()})


@contextmanager
def tapped(net: nn.Module, paths: Iterable[str], example: torch.Tensor) -> Iterator[Tapped]:
    """The net with its taps, inside the block; BadRecipe for a path that no layer has, or whose layer gives no tensor.

    `example` (n,...) is a batch on which the layer behind "embedding" is found.
    """
    listening = Tapped(net)
    hooks = [_hook(listening, path, example) for path in dict.fromkeys(paths)]
    try:
        yield listening
    finally:
        for hook in hooks:
            hook.remove()


def silent_copy(net: nn.Module) -> nn.Module:
    """A copy of the net with its weights, to which no tap listens; hooks of the net's own stay."""
    copied = copy.deepcopy(net)
    for layer in copied.modules():
        for hooks in (layer._forward_hooks, layer._forward_pre_hooks):
            for number in [number for number, hook in hooks.items() if getattr(hook, "__module__", "") == __name__]:
                del hooks[number]
    return copied


def output_layer(net: nn.Module, example: torch.Tensor) -> nn.Module:
    """The convolution or dense layer that runs last: its channels are the outputs; BadRecipe where none runs."""
    ran: list[nn.Module] = []
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(lambda layer, *_: ran.append(layer)) for layer in layers]
    was_training = net.training
    try:
        with torch.inference_mode():
            net.eval()(example)
    finally:
        net.train(was_training)
        for hook in hooks:
            hook.remove()
    if not ran:
        raise BadRecipe(
            f"{EMBEDDING!r} is what goes into the last convolution or dense layer, but the net runs none: name a layer"
        )
    return ran[-1]


def _hook(listening: Tapped, path: str, example: torch.Tensor) -> Any:
    """The hook that hears a path: what a layer gives, or what goes into the one that gives the outputs."""
    layers = dict(listening.net.named_modules())
    if path not in layers and path == EMBEDDING:

        def hear_input(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            listening.heard[path] = inputs[0]

        return output_layer(listening.net, example).register_forward_pre_hook(hear_input)
    if path not in layers or not path:
        raise BadRecipe(
            f"no layer of the net is called {path!r}; there are {EMBEDDING!r}, the values before the outputs, "
            f"and {_some([name for name in layers if name], path)}"
        )

    def hear(_: nn.Module, __: Any, given: Any) -> None:
        if not isinstance(given, torch.Tensor):
            raise BadRecipe(f"layer {path!r} gives {type(given).__name__}, not one tensor; name a layer inside it")
        listening.heard[path] = given

    return layers[path].register_forward_hook(hear)


def _some(names: list[str], misspelt: str) -> str:
    """The first layers of a net, and which of all is most like a name that none of them has."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return choices(names[:SHOWN], besides=more) + meant([*names, EMBEDDING], misspelt)
