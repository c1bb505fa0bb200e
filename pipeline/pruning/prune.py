"""Structured pruning: the weakest channels are removed for good, then the net is trained on."""

import dataclasses

from torch import nn

from ..data.dataset import DataSet
from ..distillation.guidance import Guidance
from ..distillation.options import Training
from ..distillation.repeatable import repeatable
from ..distillation.taps import output_layer
from ..distillation.train import fit
from ..errors import BadInput, BadModel, EdgestillError
from ..models.channels import example_of, keep_strongest, refuse_tables
from ..models.checkpoint import Checkpoint


def pruned(
    checkpoint: Checkpoint, dataset: DataSet, training: Training, ratio: float, round_to: int, guidance: Guidance | None
) -> Checkpoint:
    """The checkpoint's net without `ratio` of its channels, trained on with the teacher's outputs if there are any."""
    with repeatable(training.seed, training.threads):
        try:
            remove_channels(checkpoint.net, checkpoint.about.preprocess.shape, ratio, round_to)
        except EdgestillError:
            raise
        except Exception as error:  # a net of the user's own may hold sizes that do not follow its channels
            raise BadModel(f"model {checkpoint.about.model!r}: its channels cannot be removed: {error}") from error
        history = fit(checkpoint.net, dataset, training, guidance)
    return Checkpoint(checkpoint.net, dataclasses.replace(checkpoint.about, seed=training.seed, history=history))


def remove_channels(net: nn.Module, shape: tuple[int, ...], ratio: float, round_to: int) -> None:
    """Removes in place about `ratio` of every layer's channels; what stays is a multiple of `round_to`.

    Those of the smallest norm go, in groups (`keep_strongest`). The layer that gives the outputs keeps its own.
    BadInput names the layer that would be left without channels.
    """
    refuse_tables(net, "pruning")
    example = example_of(shape)
    spared = [output_layer(net, example)]
    if not keep_strongest(net, example, spared, lambda name, channels: kept(channels, ratio, round_to, name)):
        raise BadInput(
            f"pruning: ratio {ratio} removes nothing where channels come in multiples of {round_to}; "
            "raise ratio or lower round_to"
        )


def kept(channels: int, ratio: float, round_to: int, name: str) -> int:
    """How many of a layer's channels stay: the multiple of `round_to` nearest to its share, at most all of them."""
    keep = min(channels, round_to * int((1 - ratio) * channels / round_to + 0.5))
    if not keep:
        raise BadInput(
            f"pruning: ratio {ratio} leaves layer {name} none of its {channels} channels in multiples of {round_to}; "
            "lower ratio or round_to"
        )
    return keep
