"""Somebody's float model to INT8 files: nothing of theirs is lost, and what was found is told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgestill.__main__ import main
from edgestill.calibration.sets import choose
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.errors import BadData, BadModel
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.quantization.material import material_for
from edgestill.pipeline.quantization.quantize import QuantizationOptions
from edgestill.pipeline.quantization.quantize_file import quantize_file
from edgestill.pipeline.runtimes.samples import infer, samples_for
from edgestill.pipeline.task import Task

CLASSES = 4
PREPROCESS = Preprocess((8, 8, 1), "uint8", 16.0, (0.5,), (0.01,))  # far from what the raw values are


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def net(path: Path, shape: tuple[int, ...] = (2, 6, 5), before: tuple[onnx.NodeProto, ...] = ()) -> Path:
    """A convolution, a ReLU, a mean and a dense layer; `before` turns the input `x` into `first`, channels first."""
    channels, rank = (shape if not before else (shape[-1],))[0], len(shape) - 1
    nodes = [
        *before,
        helper.make_node("Conv", ["first" if before else "x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("GlobalAveragePool", ["b"], ["c"]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "v"], ["y"]),
    ]
    constants = {"w": noise(8, channels, *[3] * rank), "v": noise(8, CLASSES, seed=1)}
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])],
        [numpy_helper.from_array(data, name) for name, data in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def trained(path: Path, **travelling: Any) -> Path:
    """A dense layer on the digits, fitted to the training images of the split of seed 3."""
    dataset = read_data("digits", 3)
    about = {"task": dataset.about.task.to_json(), "preprocess": PREPROCESS.to_json(), **travelling}
    x, y = PREPROCESS.apply(np.asarray(dataset.train.x)).reshape(-1, 64), np.eye(10)[dataset.train.y]
    weights = np.linalg.lstsq(x, y, rcond=None)[0].astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["a"]), helper.make_node("Gemm", ["a", "w"], ["y"])],
        "digits",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"edgestill": json.dumps(about)})
    onnx.save(model, path)
    return path


def npz(path: Path, **arrays: NDArray[Any]) -> str:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return str(path)


def test_the_user_s_own_files_are_never_overwritten(tmp_path: Path) -> None:
    model, data = net(tmp_path / "net.onnx"), npz(tmp_path / "x.npz", x=noise(40, 2, 6, 5))
    other = tmp_path / "net.tflite"
    other.write_bytes(to_tflite(read_graph(model)))
    theirs = model.read_bytes(), other.read_bytes()
    for path in (model, other):
        assert main(["quantize", str(path), "--data", data]) == 0
        assert (model.read_bytes(), other.read_bytes()) == theirs
    assert {path.name for path in tmp_path.iterdir()} == {
        *("net.onnx", "net.tflite", "x.npz"),
        *("net.float.onnx", "net.float.tflite", "net.int8.onnx", "net.int8.tflite"),
    }


def test_a_folder_that_cannot_be_written_to_is_named_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = net(tmp_path / "net.onnx"), npz(tmp_path / "x.npz", x=noise(40, 2, 6, 5))
    for out in (data, f"{data}/below"):
        assert main(["quantize", str(model), "--data", data, "--out", out]) == 2
        assert f"{out}: there is a file where a folder is wanted; name another" in capsys.readouterr().err


def test_what_fails_a_check_leaves_the_folder_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = net(tmp_path / "net.onnx")
    x = noise(40, 2, 6, 5)
    x[choose(40, 20)] *= 1e-3  # what calibrates is nothing like what judges
    data = npz(tmp_path / "x.npz", x=x)
    kept = tmp_path / "net.int8.onnx"
    kept.write_bytes(b"an older one")
    assert main(["quantize", str(model), "--data", data, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == [] and found["against_float"]["passed"] is False
    assert kept.read_bytes() == b"an older one"
    assert {path.name for path in tmp_path.iterdir()} == {"net.onnx", "x.npz", "net.int8.onnx"}


NETS = {
    "channels first": ((2, 6, 5), (), (2, 6, 5)),
    "channels last": ((6, 5, 2), (helper.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2]),), (6, 5, 2)),
    "one dimension": ((3, 20), (), (3, 20)),
    "one dimension, samples channels last": ((3, 20), (), (20, 3)),
    "one dimension, channels last": (
        (20, 3),
        (helper.make_node("Transpose", ["x"], ["first"], perm=[0, 2, 1]),),
        (20, 3),
    ),
}


@pytest.mark.parametrize("which", NETS)
def test_a_net_of_any_layout_is_quantized_and_agrees_with_its_twin(which: str, tmp_path: Path) -> None:
    shape, before, sample = NETS[which]
    model, data = net(tmp_path / "net.onnx", shape, before), npz(tmp_path / "x.npz", x=noise(40, *sample))
    assert main(["quantize", str(model), "--data", data]) == 0
    twin = tmp_path / "net.float.tflite"
    for samples in ([], ["--data", data]):
        assert main(["verify", str(model), str(twin), *samples]) == 0
        assert main(["verify", str(twin), str(model), *samples]) == 0
    returned = infer(model, samples_for([model], data))
    fed = noise(40, *sample) if sample == shape else noise(40, *sample).transpose(0, 2, 1)
    session = onnxruntime.InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(returned, session.run(None, {"x": fed})[0], atol=1e-4)


def test_samples_of_another_shape_are_never_reshaped(tmp_path: Path) -> None:
    model = net(tmp_path / "net.onnx")
    with pytest.raises(BadData, match=r"samples have shape \(5, 6, 2\), but its input takes \(6, 5, 2\)"):
        infer(model, noise(3, 5, 6, 2))


def test_raw_samples_are_preprocessed_as_the_model_was_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, test = trained(tmp_path / "net.onnx"), read_data("digits", 3).test
    data = npz(tmp_path / "x.npz", x=np.asarray(test.x), y=np.asarray(test.y))
    assert main(["quantize", str(model), "--data", data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy_float"] > 80 and abs(found["drop"]) < 5
    assert found["held_out"] is None
    integer = read_graph(tmp_path / "net.int8.tflite")
    scale = integer.tensors[integer.inputs[0]].quantization
    assert scale is not None and scale.per_tensor_scale == pytest.approx(100 / 255)
    assert np.array_equal(samples_for([model], data), PREPROCESS.apply(np.asarray(test.x)))
    assert np.array_equal(samples_for([model], "digits"), samples_for([tmp_path / "net.int8.onnx"], "digits"))


def test_a_model_that_says_its_split_is_judged_on_what_it_was_not_trained_on(tmp_path: Path) -> None:
    says = trained(tmp_path / "says.onnx", data={"name": "digits", "seed": 3})
    other = trained(tmp_path / "other.onnx", data={"name": "mnist-5k", "seed": 3})
    known, unknown = material_for(says, "digits"), material_for(other, "digits")
    held_out = PREPROCESS.apply(np.asarray(read_data("digits", 3).test.x))
    assert known.held_out is True and np.array_equal(known.judging.x, held_out)
    assert unknown.held_out is None and not np.array_equal(unknown.judging.x, held_out)


def test_samples_that_are_too_few_to_be_parted_are_not_held_out(tmp_path: Path) -> None:
    model, data = net(tmp_path / "net.onnx"), npz(tmp_path / "x.npz", x=noise(5, 2, 6, 5))
    assert material_for(model, data).held_out is False


def test_a_model_that_scores_as_if_it_guessed_is_told_of_with_what_may_be_wrong(tmp_path: Path) -> None:
    model, digits = trained(tmp_path / "net.onnx"), read_data("digits", 3).test
    x, y = PREPROCESS.apply(np.asarray(digits.x)), np.asarray(digits.y)
    fed, turned = (npz(tmp_path / f"{name}.npz", x=these, y=y) for name, these in (("fed", x), ("turned", 1 - x)))
    options = QuantizationOptions()
    assert quantize_file(model, material_for(model, fed), tmp_path / "a", options).remarks == ()
    (remark,) = quantize_file(model, material_for(model, turned), tmp_path / "b", options).remarks
    assert "no more than naming one label every time" in remark and "laid out as in its training" in remark


def test_a_guess_is_told_of_however_few_samples_judge(tmp_path: Path) -> None:
    model, digits = trained(tmp_path / "net.onnx"), read_data("digits", 3).test
    x, y = PREPROCESS.apply(np.asarray(digits.x[:12])), np.asarray(digits.y[:12])
    fed, turned = (npz(tmp_path / f"{name}.npz", x=these, y=y) for name, these in (("fed", x), ("turned", 1 - x)))
    options = QuantizationOptions()
    assert quantize_file(model, material_for(model, fed), tmp_path / "a", options).remarks == ()
    (remark,) = quantize_file(model, material_for(model, turned), tmp_path / "b", options).remarks
    assert "no more than naming one label every time" in remark


def test_a_folder_of_other_labels_than_the_model_s_outputs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("one", "two"):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for number in range(8):
            grey = np.full((8, 8), 20 * number, np.uint8)
            Image.fromarray(grey).save(folder / f"{number}.png")
    model = net(tmp_path / "net.onnx", (1, 8, 8))
    outputs = onnx.load(model).graph.output[0].type.tensor_type.shape.dim[1].dim_value
    assert main(["quantize", str(model), "--data", f"{tmp_path / 'photos'}", "--out", str(tmp_path / "out")]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"2 labels, one, two; net.onnx has {outputs} outputs, and does not say which is whose" in told
    assert not (tmp_path / "out").exists()


def test_a_model_that_gives_as_much_as_it_takes_is_not_asked_for_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["y"])],
        "autoencoder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 8])],
        [numpy_helper.from_array(noise(8, 8), "w")],
    )
    model, data = tmp_path / "net.onnx", npz(tmp_path / "x.npz", x=noise(40, 8))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), model)
    assert material_for(model, data).task == Task("reconstruct", ())
    assert main(["quantize", str(model), "--data", data]) == 0
    assert "dB to their error\n" in capsys.readouterr().out


def test_brackets_in_a_path_and_the_range_of_the_samples_are_told_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = noise(40, 2, 6, 5).clip(-2, 1.5)
    model, data, out = net(tmp_path / "net.onnx"), npz(tmp_path / "x.npz", x=x), tmp_path / "out[bold]"
    assert main(["quantize", str(model), "--data", data, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert f"{out}/net.int8.tflite\n" in told and "; calibrated on 20, whose values are -2 to 1.5\n" in told


def test_metadata_that_are_not_ours_are_named(tmp_path: Path) -> None:
    model = trained(tmp_path / "net.onnx", preprocess={"shape": [8, 8, 1]})
    with pytest.raises(BadModel, match="net.onnx: its metadata 'edgestill' are not what edgestill writes"):
        material_for(model, "digits")


def test_labels_of_the_data_are_the_model_s_by_name(tmp_path: Path) -> None:
    task = {"kind": "classify", "labels": list("9876543210"), "unit": ""}
    model = trained(tmp_path / "net.onnx", task=task)
    judging = material_for(model, "digits").judging
    assert judging.y is not None and np.array_equal(9 - read_data("digits", 0).test.y, judging.y)
