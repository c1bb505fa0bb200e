"""A net before any training: built, tried on samples, and seen to be fit for being trained and saved."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import BadModel
from ..preprocess import Preprocess, channels_first
from ..task import Task
from .catalog import build
from .checkpoint import About, Checkpoint

SAVED = (torch.float32, torch.int64, torch.int32, torch.bool)  # what trains here, and what counts beside it


def untrained(model: str, options: Mapping[str, Any], task: Task, preprocess: Preprocess) -> Checkpoint:
    """The net by its factory, in evaluation mode.

    BadModel when it does not take the samples, gives other outputs than its task wants, or when a training would change
    nothing of it, or could not save it.
    """
    net = build(model, preprocess.shape, task.outputs(preprocess.shape), options).eval()
    checkpoint = Checkpoint(net, About(model, options, task, preprocess, seed=0))
    _check_weights(net, f"model {model!r}")
    _try_out(checkpoint)
    return checkpoint


def _check_weights(net: nn.Module, where: str) -> None:
    for name, values in net.state_dict().items():
        if not isinstance(values, torch.Tensor):
            raise BadModel(
                f"{where}: {name!r} of its state is {type(values).__name__}, but a checkpoint holds tensors; register "
                "a buffer instead, or leave get_extra_state out"
            )
        if nn.parameter.is_lazy(values):
            raise BadModel(
                f"{where}: {name!r} has no size before the first sample; give layers their sizes, not lazy ones: the "
                "factory is told the samples' shape"
            )
        if values.dtype not in SAVED:
            raise BadModel(f"{where}: {name!r} is {values.dtype}; weights are trained in torch.float32")
    if not any(values.requires_grad for values in net.parameters()):
        raise BadModel(f"{where}: it has no parameter that could be trained: all are frozen, or there is none")


def _try_out(checkpoint: Checkpoint) -> None:
    about, x = checkpoint.about, example_of(checkpoint, 2)
    try:
        with torch.inference_mode():
            outputs = checkpoint.net(x)
    except Exception as error:  # a net of the user's own may raise anything
        raise BadModel(f"model {about.model!r}: cannot be run on samples {tuple(x.shape)}: {error}") from error
    found = tuple(outputs.shape) if isinstance(outputs, torch.Tensor) else type(outputs).__name__
    expected = [(2, about.outputs), *([tuple(x.shape)] if about.task.kind == "reconstruct" else [])]
    if isinstance(outputs, torch.Tensor) and outputs.dtype != torch.float32:
        raise BadModel(f"model {about.model!r}: its outputs are {outputs.dtype}; expected torch.float32")
    if found not in expected:
        raise BadModel(
            f"model {about.model!r}: gives {found} for 2 samples; expected {' or '.join(map(str, expected))}: "
            f"{about.task.said(about.preprocess.shape)}"
        )


def example_of(checkpoint: Checkpoint, samples: int) -> torch.Tensor:
    """Seeded raw samples, preprocessed: (samples,c,h,w) float32; or token ids, (samples,length) int32."""
    preprocess = checkpoint.about.preprocess
    largest = largest_id(checkpoint.net) if preprocess.of_tokens else 255
    largest = largest if preprocess.divisor == 1.0 else int(preprocess.divisor)
    raw = np.random.default_rng(0).integers(0, largest + 1, (samples, *preprocess.shape))
    return torch.from_numpy(channels_first(preprocess.apply(raw)))


def largest_id(net: nn.Module) -> int:
    """The last row of the net's smallest table."""
    return min((table.num_embeddings for table in net.modules() if isinstance(table, nn.Embedding)), default=2) - 1
