"""Channels are really removed, and the one file that is left reloads in a process that has never pruned."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edgestill.pipeline.chain import chain
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.taps import output_layer
from edgestill.pipeline.errors import BadInput, BadModel, BadRecipe
from edgestill.pipeline.models.catalog import NAMES, OF_TOKENS, build
from edgestill.pipeline.models.checkpoint import About, Checkpoint, load_checkpoint, save_checkpoint
from edgestill.pipeline.models.export import export_onnx
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.pruning.prune import kept, pruned, remove_channels
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.task import Task

torch.set_num_threads(1)
SHAPE = (12, 12, 1)


def net_of(model: str, shape: tuple[int, int, int] = SHAPE) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build(model, shape, 10, {})
        net(torch.randn(8, shape[2], *shape[:2]))
    return net.eval()


def saved(net: nn.Module, model: str, folder: Path, shape: tuple[int, int, int] = SHAPE) -> Path:
    about = About(model, {}, Task("classify", tuple("0123456789")), Preprocess(shape), 0)
    save_checkpoint(folder / "net.safetensors", Checkpoint(net, about))
    return folder / "net.safetensors"


def parameters(net: nn.Module) -> int:
    return sum(values.numel() for values in net.parameters())


@pytest.mark.parametrize("model", [name for name in NAMES if name not in OF_TOKENS])
def test_every_net_loses_channels_reloads_and_exports(model: str, tmp_path: Path) -> None:
    shape = (1, 30, 6) if model == "cnn-1d" else SHAPE
    net = net_of(model, shape)
    before = parameters(net)
    remove_channels(net, shape, ratio=0.3, round_to=4)
    assert parameters(net) < 0.7 * before
    again = load_checkpoint(saved(net, model, tmp_path, shape)).net
    x = torch.randn(2, shape[2], *shape[:2])
    assert torch.equal(again(x), net(x)) and net(x).shape == (2, 10)
    export_onnx(tmp_path / "net.safetensors", tmp_path / "net.onnx")


def test_one_file_reloads_a_pruned_net_where_nothing_has_ever_pruned(tmp_path: Path) -> None:
    net = net_of("mobilenet-v2")
    remove_channels(net, SHAPE, ratio=0.3, round_to=4)
    saved(net, "mobilenet-v2", tmp_path)
    np.save(tmp_path / "x.npy", torch.randn(2, 1, 12, 12).numpy())
    code = (
        "import sys, pathlib, numpy, torch; torch.set_num_threads(1)\n"
        "from edgestill.pipeline.models.checkpoint import load_checkpoint\n"
        "folder = pathlib.Path(sys.argv[1]); net = load_checkpoint(folder / 'net.safetensors').net\n"
        "numpy.save(folder / 'y.npy', net(torch.from_numpy(numpy.load(folder / 'x.npy'))).detach().numpy())\n"
        "assert not [name for name in sys.modules if 'torch_pruning' in name or 'edgestill.pipeline.pruning' in name]"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    expected = net(torch.from_numpy(np.load(tmp_path / "x.npy"))).detach().numpy()
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected)


@pytest.mark.parametrize("model", ["ds-cnn", "mobilenet-v2"])
def test_what_stays_is_a_multiple_and_the_outputs_stay_all(model: str) -> None:
    net = net_of(model)
    remove_channels(net, SHAPE, ratio=0.4, round_to=8)
    widths = [layer.out_channels for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    assert all(width % 8 == 0 for width in widths)
    last = output_layer(net, torch.zeros(1, 1, 12, 12))
    assert isinstance(last, nn.Linear) and last.out_features == 10


def test_the_same_net_loses_the_same_channels() -> None:
    first, second = net_of("resnet8"), net_of("resnet8")
    for net in (first, second):
        remove_channels(net, SHAPE, ratio=0.5, round_to=4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_the_weakest_channels_go() -> None:
    net = net_of("ds-cnn")
    strong = list(net.parameters())
    with torch.no_grad():
        for parameter in strong[:3]:  # the first convolution and its batch norm
            parameter[::2] *= 100
    survivors = strong[0][::2].clone()
    remove_channels(net, SHAPE, ratio=0.5, round_to=8)
    first = next(layer for layer in net.modules() if isinstance(layer, nn.Conv2d))
    assert torch.equal(first.weight, survivors)


@given(st.integers(1, 512), st.floats(0.01, 0.99), st.integers(1, 16))
def test_a_layer_keeps_about_its_share_or_the_error_says_that_it_cannot(channels: int, ratio: float, step: int) -> None:
    try:
        keep = kept(channels, ratio, step, "features.0")
    except BadInput as error:
        assert (1 - ratio) * channels < step / 2 and "leaves layer features.0 none of its" in str(error)
    else:
        assert 0 < keep <= channels and abs(keep - (1 - ratio) * channels) <= step / 2 + 1e-9
        assert keep == channels or keep % step == 0


def test_a_ratio_that_leaves_nothing_or_removes_nothing_is_named() -> None:
    with pytest.raises(
        BadInput, match=r"ratio 0.99 leaves layer features.\S+.conv none of its 64 channels in multiples of 8"
    ):
        remove_channels(net_of("ds-cnn"), SHAPE, ratio=0.99, round_to=8)
    with pytest.raises(BadInput, match="ratio 0.01 removes nothing where channels come in multiples of 8; raise ratio"):
        remove_channels(net_of("ds-cnn"), SHAPE, ratio=0.01, round_to=8)


class Fixed(nn.Module):
    """A net that knows its own width."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(144, 32), nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        halves: torch.Tensor = self.first(x.flatten(1)).reshape(-1, 2, 16)
        result: torch.Tensor = self.last(halves.sum(dim=1))
        return result


def test_a_net_whose_sizes_do_not_follow_its_channels_is_named() -> None:
    about = About("mine:fixed", {}, Task("classify", tuple("0123456789")), Preprocess(SHAPE), 0)
    with pytest.raises(BadModel, match="model 'mine:fixed': its channels cannot be removed: "):
        pruned(Checkpoint(Fixed().eval(), about), read_data("digits", seed=0), Training(), 0.5, 4, None)


@pytest.mark.parametrize("model", OF_TOKENS)
def test_nets_of_token_ids_are_refused_with_the_layer_that_stands_in_the_way(model: str) -> None:
    with pytest.raises(BadModel, match="pruning: layer table is of a kind that channels are not removed around"):
        remove_channels(build(model, (12,), 10, {}), (12,), ratio=0.5, round_to=4)


def test_a_recipe_that_prunes_a_net_of_token_ids_is_refused_before_any_work(tmp_path: Path) -> None:
    recipe = tmp_path / "text.toml"
    recipe.write_text(
        '[data]\nname = "digits"\n[student]\nmodel = "transformer"\n'
        '[[stage]]\nstage = "prune"\nratio = 0.5\n[[stage]]\nstage = "quantize"\n'
    )
    with pytest.raises(
        BadRecipe, match=r"stage 1 \(prune\): .* model 'transformer' reads token ids; leave the stage out"
    ):
        chain(read_recipe(recipe))
