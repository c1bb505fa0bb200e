"""Somebody's weights: a plain safetensors file of tensors, poured into the net that a factory builds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifact import digest
from ..data.dataset import DataSet
from ..distillation.options import Training
from ..distillation.repeatable import repeatable
from ..distillation.train import fit
from ..errors import BadModel
from ..models.catalog import build, sources
from ..models.checkpoint import About, Checkpoint
from ..progress import say

if TYPE_CHECKING:
    import torch

NAMED = 3  # tensors that an error repeats


def with_weights(
    model: str, options: Mapping[str, Any], path: Path, dataset: DataSet, seed: int, partly: bool
) -> Checkpoint:
    """The net for the data set with the tensors of a file.

    BadModel when names or shapes differ; where `partly`, what does not fit begins untrained, drawn by `seed`, and is
    said, as long as half of the net's tensors are there.
    """
    about = dataset.about
    shape = about.preprocess.shape
    with repeatable(seed, threads=1):
        net = build(model, shape, about.task.outputs(shape), options).eval()
    tensors, wanted = _tensors(path), net.state_dict()
    unlike = {name: why for name in wanted if (why := _why_not(name, wanted[name], tensors))}
    strange = [] if partly else [f"{name}: the net has none of that name" for name in tensors if name not in wanted]
    if len(unlike) > (len(wanted) // 2 if partly else 0) or strange:
        raise BadModel(_misfit(path.name, model, [*unlike.values(), *strange], len(wanted)))
    if unlike:
        say(f"{path.name}: {len(unlike)} of {len(wanted)} tensors begin untrained: {_some(list(unlike.values()))}")
    net.load_state_dict({**wanted, **{name: tensors[name] for name in wanted if name not in unlike}})
    made = About(
        model, options, about.task, about.preprocess, seed, sources=tuple(digest(file) for file in sources(model))
    )
    return Checkpoint(net, made)


def tuned(source: Checkpoint, dataset: DataSet, training: Training) -> Checkpoint:
    """The net of a checkpoint, trained on in place on the data set's labels."""
    about = dataset.about
    with repeatable(training.seed, training.threads):
        history = fit(source.net, dataset, training)
    return Checkpoint(source.net, replace(source.about, history=history, seed=training.seed, data=about.drawn))


def _tensors(path: Path) -> "dict[str, torch.Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadModel(f"{path.name}: not a safetensors file, or a damaged one: {error}") from error


def _why_not(name: str, wanted: "torch.Tensor", tensors: "Mapping[str, torch.Tensor]") -> str | None:
    if name not in tensors:
        return f"{name}: missing"
    if tensors[name].shape != wanted.shape:
        return f"{name}: {tuple(tensors[name].shape)}, the net has {tuple(wanted.shape)}"
    return None


def _misfit(file: str, model: str, reasons: list[str], wanted: int) -> str:
    return f"{file}: {len(reasons)} tensors do not fit the {wanted} of model {model!r}: {_some(reasons)}"


def _some(reasons: list[str]) -> str:
    more = len(reasons) - NAMED
    return "; ".join(reasons[:NAMED]) + (f"; and {more} more" if more > 0 else "")
