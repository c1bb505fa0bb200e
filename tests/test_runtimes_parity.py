"""Whether two files compute the same: layer by layer on the same integers, end to end, and who is to blame."""

import contextlib
import io
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from edgestill.benchmarks.tables.answers import print_parity
from edgestill.pipeline.errors import BadModel, GateFailed
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.quantization.calibrate import calibrate
from edgestill.pipeline.quantization.quantize import quantize
from edgestill.pipeline.runtimes.layerwise import LayerParity
from edgestill.pipeline.runtimes.parity import Parity, compare, demand

torch.set_num_threads(1)
MLPERF = Path(__file__).parent / "cases" / "mlperf-tiny"
NETS = {"ds-cnn": (49, 10, 1), "resnet8": (32, 32, 3), "mobilenet-v1": (32, 32, 3), "mobilenet-v2": (48, 48, 3)}


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def exported(name: str, shape: tuple[int, int, int], folder: Path) -> Path:
    """A seeded net whose batch norms have seen something, as float ONNX."""
    torch.manual_seed(0)
    net = build(name, shape, 4, {})
    net(torch.randn(8, shape[2], *shape[:2]) + 0.5)
    return written(net, shape, folder / f"{name}.onnx")


def written(net: torch.nn.Module, shape: tuple[int, int, int], path: Path) -> Path:
    file = io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        sample = torch.zeros(1, shape[2], *shape[:2])
        torch.onnx.export(net.eval(), (sample,), file, dynamo=False, opset_version=17)  # type: ignore[arg-type]
    path.write_bytes(file.getvalue())
    return path


def quantized(path: Path, shape: tuple[int, int, int]) -> tuple[Path, Path]:
    """The integer twins of a float file: TFLite and QDQ ONNX."""
    graph, samples = from_onnx(path.read_bytes()), noise(48, *shape)
    integer = quantize(graph, calibrate(graph, [samples]), samples)
    tflite, qdq = path.with_suffix(".int8.tflite"), path.with_suffix(".int8.onnx")
    tflite.write_bytes(to_tflite(integer))
    qdq.write_bytes(to_onnx(integer))
    return tflite, qdq


@pytest.fixture(scope="module")
def ds_cnn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Float ONNX, integer TFLite, integer QDQ of one small net."""
    path = exported("ds-cnn", (16, 10, 1), tmp_path_factory.mktemp("nets"))
    return path, *quantized(path, (16, 10, 1))


def rewritten(path: Path, name: str, to: Path, change: Any) -> Path:
    """The ONNX file with one of its constants changed."""
    model = onnx.load(path)
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))
    onnx.save(model, to)
    return to


@pytest.mark.parametrize("name", NETS)
def test_the_two_integer_files_of_every_net_agree_layer_by_layer(name: str, tmp_path: Path) -> None:
    tflite, qdq = quantized(exported(name, NETS[name], tmp_path), NETS[name])
    parity = compare(tflite, qdq, noise(3, *NETS[name], seed=5))
    assert parity.passed, parity.reasons
    assert parity.reasons == ()
    assert len(parity.layers) >= 10
    assert max(layer.max_lsb for layer in parity.layers) <= 1
    assert parity.end_to_end is not None and parity.end_to_end.max_lsb is not None


class Pools(torch.nn.Module):
    """What the nets do without: pools that overlap, a sum that is clamped, an image that is flattened, a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)
        self.greatest = torch.nn.MaxPool2d(3, 2, padding=1)
        self.dense = torch.nn.Linear(2 * 4 * 4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n,2,7,7) -> (n,5), probabilities."""
        both = torch.nn.functional.relu6(self.mean(x) + self.greatest(x))
        found: torch.Tensor = self.dense(both.flatten(1)).softmax(1)
        return found


def test_layers_that_round_otherwise_stay_within_a_step(tmp_path: Path) -> None:
    tflite, qdq = quantized(written(Pools(), (7, 7, 2), tmp_path / "pools.onnx"), (7, 7, 2))
    parity = compare(tflite, qdq, noise(40, 7, 7, 2))
    assert parity.passed, parity.reasons
    assert [layer.kind for layer in parity.layers] == [
        *("AveragePool2d", "MaxPool2d", "Add", "Reshape", "FullyConnected", "Softmax")
    ]
    assert parity.layers[0].share > 0.01


def test_somebody_s_tflite_and_our_onnx_of_it_agree_in_either_order(tmp_path: Path) -> None:
    theirs, ours = MLPERF / "kws_int8.tflite", tmp_path / "ours.onnx"
    ours.write_bytes(to_onnx(from_tflite(theirs.read_bytes(), "kws")))
    one, other = compare(theirs, ours, None), compare(ours, theirs, None)
    assert one.passed and other.passed
    assert [layer.mismatches for layer in one.layers] == [layer.mismatches for layer in other.layers]
    assert one.inputs == "8 seeded random samples"


def test_unsigned_and_signed_activations_are_one_quantization(ds_cnn: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, tflite, qdq = ds_cnn
    signed, copy = tmp_path / "signed.onnx", tmp_path / "copy.tflite"
    signed.write_bytes(to_onnx(from_tflite(tflite.read_bytes(), ""), "int8"))
    copy.write_bytes(tflite.read_bytes())
    assert compare(qdq, signed, None).passed
    same = compare(tflite, copy, None)
    assert same.passed and sum(layer.mismatches for layer in same.layers) == 0


def test_one_changed_weight_names_its_layer_and_both_values(ds_cnn: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, tflite, qdq = ds_cnn
    weights = next(t for t in onnx.load(qdq).graph.initializer if t.data_type == onnx.TensorProto.INT8 and t.dims)

    def raised(values: NDArray[Any]) -> NDArray[Any]:
        values[0, 0, 0, 0] = 127 if values[0, 0, 0, 0] < 0 else -127
        return values

    parity = compare(tflite, rewritten(qdq, weights.name, tmp_path / "changed.onnx", raised), noise(2, 16, 10, 1))
    assert not parity.passed
    (reason,) = parity.reasons
    values = int(np.prod(weights.dims))
    assert reason.startswith(f"layer 0 (Conv2d): weights: 1 of {values} values differ, at (0, 0, 0, 0)")
    assert reason.endswith("127 in the second")
    assert parity.end_to_end is not None


def test_one_changed_scale_is_no_agreement(ds_cnn: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, tflite, qdq = ds_cnn
    parity = compare(tflite, rewritten(qdq, "t0_s", tmp_path / "scaled.onnx", lambda scale: scale * 2), None)
    assert not parity.passed
    assert any(reason.startswith("the input: scale 0 is") for reason in parity.reasons)


def test_files_of_the_same_layers_that_return_other_ones_are_no_agreement(
    ds_cnn: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    graph = from_tflite(ds_cnn[1].read_bytes(), "")
    one, other = tmp_path / "first.tflite", tmp_path / "second.tflite"
    for path, node in zip((one, other), graph.nodes, strict=False):  # both layers give the same shape
        path.write_bytes(to_tflite(replace(graph, outputs=node.outputs)))
    (reason,) = compare(one, other, None).reasons
    assert reason == "the first returns what layer 0 (Conv2d) gives, the second what layer 1 (DepthwiseConv2d) gives"


def test_another_net_is_told_by_its_layers_or_its_shape(ds_cnn: tuple[Path, Path, Path]) -> None:
    _, tflite, qdq = ds_cnn
    apart = compare(tflite, MLPERF / "kws_int8.tflite", None)
    assert apart.reasons[0] == "the input's shape is (1, 16, 10, 1) in the first, (1, 49, 10, 1) in the second"
    with pytest.raises(GateFailed, match="do not compute the same on 8 seeded random samples:\n  the input's shape"):
        demand(qdq, MLPERF / "kws_int8.tflite")


def test_float_files_agree_within_a_thousandth_and_integers_are_judged_by_their_error(
    ds_cnn: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    path, tflite, qdq = ds_cnn
    twin = tmp_path / "twin.tflite"
    twin.write_bytes(to_tflite(from_onnx(path.read_bytes())))
    samples = noise(4, 16, 10, 1)
    assert demand(path, twin, samples).layers == ()
    for integer in (tflite, qdq):
        parity = compare(path, integer, samples)
        assert parity.passed and parity.end_to_end is not None
        assert parity.end_to_end.sqnr_db > 15
        assert parity.end_to_end.max_lsb is None

    def doubled(weights: NDArray[Any]) -> NDArray[Any]:
        return weights * 2

    last = next(t.name for t in onnx.load(path).graph.initializer if "weight" in t.name and len(t.dims) == 2)
    other = rewritten(path, last, tmp_path / "other.onnx", doubled)
    parity = compare(path, other, samples)
    assert not parity.passed
    assert "of the largest; 1e-03 is the most" in parity.reasons[0]


def test_what_was_found_is_plain_json(ds_cnn: tuple[Path, Path, Path]) -> None:
    _, tflite, qdq = ds_cnn
    found = json.loads(json.dumps(compare(tflite, qdq, None).to_json(), allow_nan=False))
    assert found["passed"] is True
    assert found["first"] == "ds-cnn.int8.tflite"
    assert set(found["layers"][0]) >= {"name", "kind", "values", "mismatches", "max_lsb", "share", "passed"}
    assert set(found["end_to_end"]) >= {"agreement", "max_lsb", "sqnr_db"}


@pytest.mark.parametrize(
    ("layer", "passed"),
    [
        (LayerParity("t1", "Conv2d", 10_000, 99, 1), True),
        (LayerParity("t1", "Conv2d", 10_000, 100, 1), False),
        (LayerParity("t1", "Conv2d", 10_000, 1, 2), False),
        (LayerParity("t1", "FullyConnected", 20, 3, 1), True),
        (LayerParity("t1", "FullyConnected", 20, 4, 1), False),
        (LayerParity("t1", "Mean", 100, 12, 1), True),
        (LayerParity("t1", "Mean", 100, 12, 2), False),
    ],
)
def test_a_layer_passes_within_one_step_and_one_in_a_hundred(layer: LayerParity, passed: bool) -> None:
    assert layer.passed is passed


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (LayerParity("t1", "FullyConnected", 20, 3, 1), "too few values for a share"),
        (LayerParity("t1", "Mean", 100, 12, 1), "rounded twice by TFLite"),
        (LayerParity("t1", "AveragePool2d", 100, 12, 1), "away from zero by TFLite"),
    ],
)
def test_it_is_said_why_a_layer_passes_that_is_off_in_many_values(
    layer: LayerParity, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert layer.passed and layer.exempt is (layer.kind != "FullyConnected")
    print_parity(Parity("a", "b", True, (), (layer,), None, ""), Console(width=200))
    assert words in capsys.readouterr().out


def not_a_number(path: Path) -> Path:
    """A net whose every output is the square root of a negative number, in the eyes of a batch norm."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2, 4, 4]) for name in "xy")
    ones, minus = np.ones(2, np.float32), -np.ones(2, np.float32)
    constants = [numpy_helper.from_array(data, name) for name, data in (("g", ones), ("b", ones), ("v", minus))]
    node = helper.make_node("BatchNormalization", ["x", "g", "b", "b", "v"], ["y"])
    graph = helper.make_graph([node], "nan", [x], [y], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_outputs_that_are_not_finite_agree_with_nothing(tmp_path: Path) -> None:
    with np.errstate(invalid="ignore"):
        path = not_a_number(tmp_path / "nan.onnx")
        parity = compare(path, path, None)
    assert not parity.passed
    assert parity.reasons == ("the outputs of nan.onnx are not finite: 256 of 256 values are nan or infinite",)
    found = json.loads(json.dumps(parity.to_json(), allow_nan=False))
    assert found["end_to_end"]["sqnr_db"] is None and found["end_to_end"]["relative_error"] is None


def test_files_that_are_not_there_or_no_models_are_refused(ds_cnn: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, tflite, _ = ds_cnn
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"no model")
    for other in (junk, tmp_path / "missing.tflite", tmp_path / "model.txt"):
        with pytest.raises(BadModel):
            compare(tflite, other, None)


def test_parity_says_on_what_it_was_found(ds_cnn: tuple[Path, Path, Path]) -> None:
    parity: Parity = compare(ds_cnn[1], ds_cnn[2], noise(2, 16, 10, 1))
    assert parity.inputs == "2 given samples"
