"""A teacher may be a checkpoint, somebody's weights or a foreign file: each says what its net says."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file

from edgestill.benchmarks.report.forewarning import nothing_to_teach
from edgestill.pipeline.artifact import of_file
from edgestill.pipeline.chain import chain
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet, Split
from edgestill.pipeline.distillation.options import Training
from edgestill.pipeline.distillation.teacher import net_teacher
from edgestill.pipeline.distillation.train import trained
from edgestill.pipeline.errors import BadInput, BadModel, RuntimeDied
from edgestill.pipeline.models.checkpoint import load_checkpoint, save_checkpoint
from edgestill.pipeline.models.export import export_onnx
from edgestill.pipeline.models.trained_on import has_seen
from edgestill.pipeline.preprocess import channels_first
from edgestill.pipeline.progress import listening
from edgestill.pipeline.quantization.material import material_for
from edgestill.pipeline.quantization.quantize import QuantizationOptions
from edgestill.pipeline.quantization.quantize_file import quantize_file
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.runtimes.runtime import Port
from edgestill.pipeline.stages.export_tflite import ExportTflite
from edgestill.pipeline.teachers.file_layout import laid_out
from edgestill.pipeline.teachers.meaning import as_logits, last_operator, meaning_of
from edgestill.pipeline.teachers.model_file import answers, file_teacher, file_teacher_from_json
from edgestill.pipeline.teachers.scaling import scaled
from edgestill.pipeline.teachers.weights import with_weights

torch.set_num_threads(1)
CASES = Path(__file__).parent / "cases" / "teachers"
OPTIONS = {"widths": (8, 16)}
FEW = 32  # samples that two teachers are compared on


class Heard:
    """Keeps the lines that are said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def advance(self, done: int, total: int, note: str) -> None:
        pass

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One teacher of digits in every form that it may come in."""
    folder = tmp_path_factory.mktemp("teachers")
    net = trained("residual", OPTIONS, read_data("digits", 0), Training(epochs=3, learning_rate=0.02, views=1))
    save_checkpoint(folder / "teacher.safetensors", net)
    save_file(load_file(folder / "teacher.safetensors"), folder / "plain.safetensors")
    export_onnx(folder / "teacher.safetensors", folder / "teacher.onnx")
    ExportTflite().write({"source": of_file(folder / "teacher.onnx")}, folder / "teacher.tflite")
    quantize_file(
        folder / "teacher.onnx", material_for(folder / "teacher.onnx", "digits", None), folder, QuantizationOptions()
    )
    with_last(folder / "teacher.onnx", "Softmax", folder / "probabilities.onnx")
    with_last(folder / "teacher.onnx", "Sigmoid", folder / "chances.onnx")
    (folder / "crash.tflite").write_bytes(running_itself())
    return folder


@pytest.fixture(scope="session")
def dataset() -> DataSet:
    return read_data("digits", 0)


def with_last(path: Path, operator: str, out: Path) -> None:
    """The model with one operator more behind its output, and nothing said of where it comes from."""
    model = onnx.load(path)
    inner = model.graph.output[0].name
    model.graph.node.append(helper.make_node(operator, [inner], ["probabilities"]))
    model.graph.output[0].name = "probabilities"
    del model.metadata_props[:]
    onnx.save(model, out)


def running_itself() -> bytes:
    """A TFLite file whose only operator, an IF, runs the subgraph that it stands in: opening it ends the process."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    code, branch, constant = schema.OperatorCodeT(), schema.OperatorT(), schema.BufferT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.IF
    branch.inputs, branch.outputs = np.array([0, 1], np.int32), np.array([2], np.int32)
    branch.builtinOptionsType, branch.builtinOptions = schema.BuiltinOptions.IfOptions, schema.IfOptionsT()
    constant.data = np.array([1], np.uint8)
    kinds = schema.TensorType
    graph.tensors = [
        tflite_tensor("condition", [1], kinds.BOOL, buffer=1),
        tflite_tensor("x", [1, 8, 8, 1], kinds.FLOAT32),
        tflite_tensor("y", [1, 10], kinds.FLOAT32),
    ]
    graph.inputs, graph.outputs, graph.operators = np.array([1], np.int32), np.array([2], np.int32), [branch]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT(), constant]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tflite_tensor(name: str, shape: list[int], kind: int, buffer: int = 0) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name.encode(), np.array(shape, np.int32), kind, buffer
    return tensor


def own_net(folder: Path, dataset: DataSet, split: Split) -> Any:
    return net_teacher(load_checkpoint(folder / "teacher.safetensors"), dataset).outputs(split)


def few(dataset: DataSet) -> Split:
    return dataset.test.take(np.arange(FEW))


@pytest.mark.parametrize("kind", ["checkpoint-without-files", "weights-trained-on", "tflite-int8"])
def test_a_teacher_of_any_kind_teaches_a_student_from_end_to_end(
    kind: str, folder: Path, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    recipe = laid_beside(CASES / f"{kind}.toml", folder)
    ended = edgestill(["run", str(recipe), "--out", str(tmp_path / "out")], folder / "store")
    assert ended.returncode == 0, ended.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["name"] for row in report["variants"]] == ["teacher", "student from scratch", "distilled"]
    assert report["variants"][0]["test"][0] > 50
    assert "nothing to teach" not in ended.stderr


@pytest.mark.parametrize("case", sorted(CASES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_kind_of_teacher_is_a_chain_to_the_same_student(case: Path, folder: Path) -> None:
    steps = {step.name: step for step in chain(read_recipe(laid_beside(case, folder))).steps}
    assert steps["distill"].inputs == {"data": "data", "teacher": "teacher outputs"}
    assert steps["teacher outputs"].inputs["source"] == "teacher"
    assert list(steps).index("teacher score") < list(steps).index("scratch")  # a bad teacher is warned of in time


def laid_beside(case: Path, folder: Path) -> Path:
    return Path(shutil.copy(case, folder / case.name))


@pytest.mark.parametrize("file", ["teacher.onnx", "teacher.tflite"])
def test_a_file_says_what_the_net_it_was_made_from_says(folder: Path, dataset: DataSet, file: str) -> None:
    teacher = file_teacher(folder / file, file, dataset)
    assert np.allclose(teacher.outputs(few(dataset)), own_net(folder, dataset, few(dataset)), atol=1e-3)
    assert teacher.meaning == "logits" and teacher.parameters and teacher.macs
    assert file in teacher.notes[0] and "bytes" in teacher.notes[0]


def test_an_integer_file_says_nearly_what_the_net_says(folder: Path, dataset: DataSet) -> None:
    teacher = file_teacher(folder / "teacher.int8.tflite", "teacher.int8.tflite", dataset)
    expected = own_net(folder, dataset, few(dataset))
    assert np.abs(teacher.outputs(few(dataset)) - expected).max() < 0.2 * np.abs(expected).max()


@pytest.mark.parametrize(("file", "meaning"), [("probabilities.onnx", "softmax"), ("chances.onnx", "sigmoid")])
def test_probabilities_are_turned_back_into_logits(folder: Path, dataset: DataSet, file: str, meaning: str) -> None:
    teacher = file_teacher(folder / file, file, dataset)
    found, expected = teacher.outputs(few(dataset)), own_net(folder, dataset, few(dataset))
    assert teacher.meaning == meaning and "logits" in teacher.notes[0]
    if meaning == "softmax":
        found, expected = (values - values.max(axis=1, keepdims=True) for values in (found, expected))
    near = expected > -10  # beyond, a float32 probability says no more
    assert np.allclose(found[near], expected[near], atol=0.02)


@given(arrays(np.float32, (4, 5), elements=st.floats(-8, 8, width=32)))
def test_the_logarithm_of_probabilities_gives_the_same_probabilities(logits: Any) -> None:
    exact = np.exp(logits.astype(np.float64))
    probabilities = (exact / exact.sum(axis=1, keepdims=True)).astype(np.float32)
    again = np.exp(as_logits(probabilities, "softmax", step=None).astype(np.float64))
    assert np.allclose(again / again.sum(axis=1, keepdims=True), probabilities, atol=1e-5)


def test_a_probability_of_nothing_is_half_a_step_of_an_integer_file() -> None:
    outputs = np.array([[0.0, 1.0]], np.float32)
    assert as_logits(outputs, "softmax", step=1 / 256)[0, 0] == pytest.approx(math.log(1 / 512))
    assert np.isfinite(as_logits(outputs, "sigmoid", step=None)).all()


def test_what_a_file_ends_with_is_read_from_it(folder: Path) -> None:
    assert last_operator(folder / "probabilities.onnx") == "softmax"
    assert last_operator(Path(__file__).parent / "cases" / "mlperf-tiny" / "kws_int8.tflite") == "softmax"
    assert last_operator(folder / "teacher.tflite") == "other"
    assert meaning_of(folder / "teacher.onnx", np.array([[0.2, 0.8], [0.5, 0.5]], np.float32)) == "softmax"


def test_a_file_that_kills_its_process_is_one_error_with_file_step_and_signal(folder: Path, dataset: DataSet) -> None:
    with pytest.raises(RuntimeDied, match=r"crash.tflite: litert was ended by SIGSEGV while opening the file"):
        file_teacher(folder / "crash.tflite", "crash.tflite", dataset)


def test_a_file_of_other_labels_is_refused_before_training(folder: Path, dataset: DataSet) -> None:
    ten = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])
    one = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])
    graph = helper.make_graph([helper.make_node("Flatten", ["x"], ["y"])], "g", [ten], [one])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "flat.onnx")
    with pytest.raises(BadModel, match="flat.onnx: it gives 64 values a sample; the data set digits needs 10"):
        file_teacher(folder / "flat.onnx", "flat.onnx", dataset)


def test_a_file_that_keeps_its_weights_elsewhere_is_refused(folder: Path, dataset: DataSet) -> None:
    onnx.save(onnx.load(folder / "teacher.onnx"), folder / "split.onnx", save_as_external_data=True, size_threshold=0)
    with pytest.raises(BadModel, match=r"split.onnx: keeps \d+ of its tensors in another file; save the model as one"):
        file_teacher(folder / "split.onnx", "split.onnx", dataset)


def test_an_image_comes_out_channels_last_whatever_the_file_does(folder: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 4, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3, 4, 6])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "same.onnx")
    samples = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)
    assert np.array_equal(answers(folder / "same.onnx", samples, "", "same.onnx"), samples.reshape(2, -1))


def test_a_file_with_operators_that_we_do_not_carry_teaches_all_the_same(folder: Path, dataset: DataSet) -> None:
    """A recurrent layer over the rows of a digit, which no graph of ours holds."""
    random = np.random.default_rng(0)
    shapes = {"w": (1, 16, 8), "r": (1, 16, 4), "d": (4, 10)}
    constants = [numpy_helper.from_array(random.normal(size=s).astype(np.float32), n) for n, s in shapes.items()]
    constants += [
        numpy_helper.from_array(np.array(values, np.int64), name)
        for name, values in {"rows": [8, -1, 8], "flat": [-1, 4]}.items()
    ]
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[2, 0, 1, 3]),
        helper.make_node("Reshape", ["t", "rows"], ["s"]),
        helper.make_node("LSTM", ["s", "w", "r"], ["", "h"], hidden_size=4),
        helper.make_node("Reshape", ["h", "flat"], ["f"]),
        helper.make_node("MatMul", ["f", "d"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], constants), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.save(model, folder / "recurrent.onnx")
    teacher = file_teacher(folder / "recurrent.onnx", "recurrent.onnx", dataset)
    assert teacher.outputs(few(dataset)).shape == (FEW, 10)
    assert teacher.parameters is None and teacher.macs is None


def test_a_file_is_fed_as_its_recipe_or_its_own_metadata_say(folder: Path, dataset: DataSet) -> None:
    own = file_teacher(folder / "teacher.onnx", "t", dataset)
    assert own.preprocess == dataset.about.preprocess
    fed = file_teacher(folder / "teacher.onnx", "t", dataset, scaling={"divisor": 16.0})
    assert (fed.preprocess.divisor, fed.preprocess.mean, fed.preprocess.std) == (16.0, (0.0,), (1.0,))
    assert "its own scaling" in fed.notes[1]
    with pytest.raises(BadInput, match="no key is named 'sdt'; there are divisor, mean, std"):
        scaled(dataset.about.preprocess, {"sdt": [1.0]})
    with pytest.raises(BadInput, match="write scaling = "):
        scaled(dataset.about.preprocess, {"mean": 1.0})


def port(*shape: int) -> Port:
    return Port("x", shape, "float32")


def test_samples_are_laid_out_as_the_files_input_is_shaped() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)
    assert laid_out(x, port(-1, 4, 6, 3), "", "f") is x
    assert np.array_equal(laid_out(x, port(1, 3, 4, 6), "", "f"), channels_first(x))
    assert laid_out(x, port(-1, 72), "", "f").shape == (2, 72)
    assert laid_out(x[..., :1], port(-1, 4, 6), "", "f").shape == (2, 4, 6)
    with pytest.raises(BadModel, match=r"takes \(4, 6, 1\), but the samples are \(4, 6, 3\) \(channels-last\)"):
        laid_out(x, port(-1, 4, 6, 1), "", "f")


def test_a_shape_that_fits_two_layouts_asks_for_one() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 3)).astype(np.float32)
    with pytest.raises(BadModel, match="fits channels-last and channels-first alike; say which"):
        laid_out(x, port(-1, 3, 3, 3), "", "f")
    assert np.array_equal(laid_out(x, port(-1, 3, 3, 3), "channels-first", "f"), channels_first(x))


def test_weights_of_another_net_are_named(folder: Path, dataset: DataSet) -> None:
    with pytest.raises(BadModel, match=r"plain.safetensors: \d+ tensors do not fit the \d+ of model 'residual'"):
        with_weights("residual", {"widths": (8, 24)}, folder / "plain.safetensors", dataset, seed=0, partly=False)


def test_a_head_of_other_labels_begins_untrained_where_the_net_is_trained_on(folder: Path, dataset: DataSet) -> None:
    tensors = load_file(folder / "plain.safetensors")
    head = next(name for name in tensors if name.endswith("dense.weight"))
    tensors[head] = torch.zeros(1000, tensors[head].shape[1])
    save_file(tensors, folder / "thousand.safetensors")
    heard = Heard()
    with listening(heard):
        made = with_weights("residual", OPTIONS, folder / "thousand.safetensors", dataset, seed=0, partly=True)
    assert heard.lines == [
        f"thousand.safetensors: 1 of {len(tensors)} tensors begin untrained: {head}: (1000, 16), the net has (10, 16)"
    ]
    assert torch.equal(made.net.state_dict()["features.0.conv.weight"], tensors["features.0.conv.weight"])


def test_a_teacher_that_saw_other_splits_is_called_that(folder: Path) -> None:
    about = load_checkpoint(folder / "teacher.safetensors").about
    assert has_seen(about.data, read_data("digits", 0).about) is None
    assert "it may have seen labels that the student lacks" in str(has_seen(about.data, read_data("digits", 1).about))


def test_a_teacher_no_better_than_a_guess_is_warned_of(dataset: DataSet) -> None:
    assert "no better than" in str(nothing_to_teach(10.0, dataset))
    assert nothing_to_teach(60.0, dataset) is None


def test_a_path_of_a_teacher_is_in_no_key(folder: Path) -> None:
    recipe = read_recipe(laid_beside(CASES / "onnx.toml", folder))
    (teacher,) = recipe.teachers
    assert str(folder) not in str(teacher.stages)


def test_a_file_teacher_survives_being_written_down(folder: Path, dataset: DataSet) -> None:
    teacher = file_teacher(folder / "probabilities.onnx", "probabilities.onnx", dataset)
    again = file_teacher_from_json(teacher.path, json.loads(json.dumps(teacher.to_json())))
    assert (again.preprocess, again.meaning, again.layout) == (teacher.preprocess, teacher.meaning, teacher.layout)
