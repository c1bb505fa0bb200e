"""Every net of the catalog goes the whole way on samples it is made for: float files, INT8 files, and they agree."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from edgestill.pipeline.errors import BadRecipe
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.models.catalog import NAMES, build, check, sources
from edgestill.pipeline.models.checkpoint import About, Checkpoint, load_checkpoint, save_checkpoint
from edgestill.pipeline.models.export import export_onnx
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.quantize import QuantizationOptions, quantize
from edgestill.pipeline.runtimes.parity import demand
from edgestill.pipeline.task import Task

torch.set_num_threads(1)
IMAGE, SERIES, LYING, TOKENS = (12, 11, 3), (1, 40, 6), (40, 1, 6), (24,)


@dataclass(frozen=True)
class Case:
    """A net, small, on samples of a kind that it is made for."""

    model: str
    shape: tuple[int, ...] = IMAGE
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.model, *(f"{name}={value}" for name, value in self.options.items())])

    @property
    def preprocess(self) -> Preprocess:
        if len(self.shape) == 1:
            return Preprocess(self.shape, "int32")
        return Preprocess(self.shape, "float32")

    def samples(self, n: int) -> NDArray[Any]:
        """Smooth signals with noise; ids of the first hundred words."""
        random = np.random.default_rng(3)
        if len(self.shape) == 1:
            return random.integers(0, 100, (n, *self.shape)).astype(np.int32)
        phase = random.random((n, 1, 1, self.shape[2])) * 6
        waves = np.sin(np.arange(self.shape[0])[:, None, None] / 3 + np.arange(self.shape[1])[:, None] / 5 + phase)
        return np.asarray(waves + 0.2 * random.normal(size=(n, *self.shape)), np.float32)

    def net(self) -> nn.Module:
        """With seeded weights, and batch norms that have seen samples."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = build(self.model, self.shape, 4, self.options)
            for _ in range(10):
                net(self.fed(32))
        return net.eval()

    def fed(self, n: int) -> torch.Tensor:
        x = torch.from_numpy(self.samples(n))
        return x.permute(0, 3, 1, 2).contiguous() if x.ndim == 4 else x

    def saved(self, folder: Path) -> Path:
        about = About(self.model, self.options, Task("classify", tuple("abcd")), self.preprocess, 0)
        save_checkpoint(folder / "net.safetensors", Checkpoint(self.net(), about))
        return folder / "net.safetensors"


CASES = [
    Case("ds-cnn", options={"width": 16, "depth": 2, "dropout": 0.2}),
    Case("residual", options={"widths": (8, 16), "blocks": 2}),
    Case("resnet8", options={"widths": (8, 8, 16)}),
    Case("resnet18", options={"width": 8, "blocks": 1}),
    Case("resnet18", (25, 22, 3), {"width": 8, "stem": "imagenet"}),
    Case("mobilenet-v1", (32, 30, 3), {"width": 0.1, "depth": 1}),
    Case("mobilenet-v2", options={"widths": (8, 8, 16), "blocks": 2}),
    Case("cnn-1d", SERIES),
    Case("cnn-1d", LYING, {"widths": (8, 8, 8), "kernel": 7, "stride": 1}),
    Case("text-cnn", TOKENS, {"buckets": 128}),
    Case("transformer", TOKENS, {"buckets": 128, "width": 16, "blocks": 1}),
]


def test_every_net_has_a_case_or_a_task_of_its_own() -> None:
    assert {case.model for case in CASES} == set(NAMES) - {"dense-autoencoder"}


def integer(graph: Graph, case: Case) -> Graph:
    samples = case.samples(32)
    return quantize(graph, calibrate(graph, [samples[:16], samples[16:]]), samples, QuantizationOptions())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_net_reaches_float_and_integer_files_that_agree(case: Case, tmp_path: Path) -> None:
    export_onnx(case.saved(tmp_path), tmp_path / "net.onnx")
    graph = read_graph(tmp_path / "net.onnx")
    files = {"float": to_tflite(graph), "int8": to_tflite(integer(graph, case))}
    for name, raw in files.items():
        (tmp_path / f"{name}.tflite").write_bytes(raw)
    (tmp_path / "int8.onnx").write_bytes(to_onnx(read_graph(tmp_path / "int8.tflite"), "uint8"))
    samples = case.samples(6)
    demand(tmp_path / "net.onnx", tmp_path / "float.tflite", samples)
    demand(tmp_path / "int8.tflite", tmp_path / "int8.onnx", samples)
    assert not [node.kind for node in graph.nodes if node.kind in ("Pad", "Transpose")] or case.model == "transformer"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_net_is_read_back_from_its_one_file(case: Case, tmp_path: Path) -> None:
    net = load_checkpoint(case.saved(tmp_path)).net
    with torch.inference_mode():
        assert torch.equal(net(case.fed(3)), case.net()(case.fed(3)))


def parameters(model: str, shape: tuple[int, ...], **options: Any) -> int:
    return sum(values.numel() for values in build(model, shape, 7, options).parameters())


@pytest.mark.parametrize(
    ("model", "shape", "more"),
    [
        ("ds-cnn", IMAGE, [{"width": 72}, {"depth": 5}]),
        ("residual", IMAGE, [{"widths": (32, 64, 256)}, {"blocks": 2}]),
        ("resnet8", IMAGE, [{"widths": (16, 32, 128)}]),
        ("resnet18", IMAGE, [{"width": 72}, {"blocks": 3}, {"stem": "imagenet"}]),
        ("mobilenet-v1", IMAGE, [{"width": 0.5}, {"depth": 6}]),
        ("mobilenet-v2", IMAGE, [{"widths": (16, 24, 32, 96)}, {"blocks": 3}, {"expansion": 6}]),
        ("cnn-1d", SERIES, [{"widths": (12, 40)}, {"widths": (12, 20, 20)}, {"kernel": 7}]),
        ("text-cnn", TOKENS, [{"buckets": 4096}, {"embedding": 32}, {"width": 16}]),
        ("transformer", TOKENS, [{"width": 64}, {"blocks": 3}, {"buckets": 4096}, {"expansion": 4}]),
    ],
)
def test_width_and_depth_are_options(model: str, shape: tuple[int, ...], more: list[dict[str, Any]]) -> None:
    usual = parameters(model, shape)
    assert all(parameters(model, shape, **options) > usual for options in more)


def test_known_nets_are_as_large_as_they_are_known_to_be() -> None:
    assert parameters("cnn-1d", (1, 100, 6)) == 1_771
    assert parameters("cnn-1d", (1, 100, 6), widths=(64, 128, 128), kernel=7) == 176_263
    assert sum(values.numel() for values in build("resnet18", (32, 32, 3), 10, {}).parameters()) == 11_173_962
    assert sum(values.numel() for values in build("resnet8", (32, 32, 3), 10, {}).parameters()) < 80_000


def test_dropout_drops_while_a_net_is_trained_and_never_after() -> None:
    for case in (
        Case("ds-cnn", options={"dropout": 0.5}),
        Case("transformer", TOKENS, {"dropout": 0.5, "buckets": 128}),
    ):
        net, x = case.net(), case.fed(4)
        assert torch.equal(net(x), net(x))
        net.train()
        assert not torch.equal(net(x), net(x))


@pytest.mark.parametrize(
    ("model", "shape", "options", "message"),
    [
        (
            "ds-cnn",
            TOKENS,
            {},
            r"model 'ds-cnn': takes images, samples of shape .*; these have \(24,\): choose text-cnn",
        ),
        ("resnet18", TOKENS, {}, "choose text-cnn or transformer for token ids"),
        ("transformer", IMAGE, {}, r"model 'transformer': takes token ids, .*; these have \(12, 11, 3\)"),
        ("text-cnn", IMAGE, {}, "model 'text-cnn': takes token ids"),
        ("cnn-1d", IMAGE, {}, r"model 'cnn-1d': takes series, .*; these have \(12, 11, 3\): choose a net for images"),
        ("transformer", TOKENS, {"width": 30, "heads": 4}, "width is 30, which 4 heads cannot share"),
        ("resnet18", IMAGE, {"stem": "vgg"}, "stem is 'vgg'; there are cifar, imagenet"),
        ("ds-cnn", IMAGE, {"dropout": 1.5}, "dropout probability has to be between 0 and 1"),
    ],
)
def test_a_net_for_other_samples_is_named_with_those_that_fit(
    model: str, shape: Any, options: Any, message: str
) -> None:
    with pytest.raises(BadRecipe, match=message):
        build(model, shape, 4, options)


def test_an_option_may_be_nothing_where_it_is_a_share() -> None:
    check("ds-cnn", {"dropout": 0.0})
    check("text-cnn", {"dropout": 0})
    with pytest.raises(BadRecipe, match="dropout is -0.1; expected something like 0.0, not below 0"):
        check("ds-cnn", {"dropout": -0.1})


def test_a_net_of_an_installed_package_needs_a_few_lines_beside_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, recipe = tmp_path / "site-packages", tmp_path / "recipe"
    for folder in (installed / "wholesale", recipe):
        folder.mkdir(parents=True)
    (installed / "wholesale" / "__init__.py").write_text(
        "from torch import nn\n\n__version__ = '2.0'\n\n\ndef create_model(name, in_chans, num_classes):\n"
        "    layers = {'tiny': [nn.Conv2d(in_chans, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]}[name]\n"
        "    return nn.Sequential(*layers, nn.Linear(4, num_classes))\n"
    )
    (recipe / "bought.py").write_text(
        "import wholesale\n\n\ndef net(shape, outputs, name='tiny'):\n"
        "    return wholesale.create_model(name, in_chans=shape[2], num_classes=outputs)\n"
    )
    monkeypatch.syspath_prepend(installed)
    case = Case("bought:net")
    with factories_in(recipe):
        assert sources("bought:net") == [recipe / "bought.py"]
        again = load_checkpoint(case.saved(tmp_path)).net
        assert torch.equal(again(case.fed(2)), case.net()(case.fed(2)))
        export_onnx(tmp_path / "net.safetensors", tmp_path / "net.onnx")
    sys.modules.pop("wholesale", None)
