"""The folder for who builds an app: its files agree, its code is code, and a real browser gives the golden answer."""

import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgestill.__main__ import main
from edgestill.pipeline.app.contract import Contract, contract
from edgestill.pipeline.app.folder import AppFolder, optional_names
from edgestill.pipeline.app.golden import raw_of
from edgestill.pipeline.app.metadata import LABELS, NAME
from edgestill.pipeline.app.snippets import LITERT_JS, snippets
from edgestill.pipeline.data.travelling import KEY
from edgestill.pipeline.errors import BadInput, MissingTool
from edgestill.pipeline.graph.flatbuffer import unpack
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.runtimes.runtime import run
from edgestill.pipeline.runtimes.samples import infer
from edgestill.pipeline.task import Task
from edgestill.targets.setup.parts import web_assets
from edgestill.targets.web.assets import assets
from edgestill.targets.web.pins import LITERT
from edgestill.tests.phone_browser import Chromium, chromium
from edgestill.tests.wanted import want, want_program

SAMPLES = 40
HOSTILE = 'say "${no}" \\ @@{no}\n'  # as a label, it must not become code
CASES = {
    "classify": (
        Task("classify", ("cat", "dog", HOSTILE)),
        Preprocess((6, 5, 3), "uint8", 255.0, (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)),
    ),
    "regress": (
        Task("regress", ("width", "height"), "mm"),
        Preprocess((1, 8, 2), "float32", 2.0, (0.5, -1.0), (3.0, 0.1)),
    ),
    "reconstruct": (Task("reconstruct", ()), Preprocess((4,), "float32", 1.0, (1.0,), (2.0,))),
}


def net(path: Path, task: Task, preprocess: Preprocess) -> Path:
    """A dense layer on everything, which says what it is for."""
    shape, values = preprocess.shape, np.random.default_rng(0)
    count, outputs = int(np.prod(shape)), task.outputs(shape)
    given: list[str | int | None] = ["n", *shape] if len(shape) == 1 else ["n", shape[2], *shape[:2]]
    weights = values.normal(0, 0.3, (count, outputs)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, given)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", outputs])
    graph = helper.make_graph(nodes, "net", [x], [y], [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    about = {"task": task.to_json(), "preprocess": preprocess.to_json()}
    helper.set_model_props(model, {KEY: json.dumps(about)})
    onnx.save(model, path)
    return path


def raw_samples(preprocess: Preprocess) -> Any:
    values = np.random.default_rng(1)
    if preprocess.dtype == "uint8":
        return values.integers(0, 256, (SAMPLES, *preprocess.shape), np.uint8)
    return values.normal(0.5, 2.0, (SAMPLES, *preprocess.shape)).astype(np.float32)


@pytest.fixture(scope="module", params=CASES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What `edgestill quantize --app` leaves of a net of each kind: the task's word, and the folder."""
    kind, folder = request.param, tmp_path_factory.mktemp(request.param)
    task, preprocess = CASES[kind]
    model, raw = net(folder / "my net.onnx", task, preprocess), raw_samples(preprocess)
    x = raw if preprocess.dtype == "uint8" else preprocess.apply(raw)
    np.savez(folder / "data.npz", x=x)
    flags = ["--layout", "channels-last"] if len(preprocess.shape) > 1 else []
    assert main(["quantize", str(model), "--data", str(folder / "data.npz"), "--app", *flags]) == 0
    return kind, folder / "my net-app"


def test_the_folder_holds_files_that_agree_and_the_sample_with_its_answer(made: tuple[str, Path]) -> None:
    kind, app = made
    golden, preprocess = json.loads((app / "golden.json").read_text()), CASES[kind][1]
    raw = np.array(golden["input"]["values"], golden["input"]["dtype"]).reshape(1, *golden["input"]["shape"])
    fed, expected = preprocess.apply(raw), np.array(golden["expected"]["output"], np.float32)
    for ending in ("int8.tflite", "int8-float-io.tflite"):
        np.testing.assert_array_equal(infer(app / f"my-net.{ending}", fed).reshape(-1), expected)
    assert (
        np.abs(infer(app / "my-net.int8.onnx", fed).reshape(-1) - expected).max() <= 1.01 * golden["expected"]["step"]
    )
    for ending in ("float.tflite", "float.onnx"):
        assert (
            np.abs(infer(app / f"my-net.{ending}", fed).reshape(-1) - expected).max() < 20 * golden["expected"]["step"]
        )
    assert (app / "my-net.int8.ort").stat().st_size > 0
    labels = [label.replace("\n", " ") for label in CASES[kind][0].labels]
    assert golden["expected"].get("label") == (labels[int(expected.argmax())] if kind == "classify" else None)
    about = json.loads((app / "preprocess.json").read_text())
    assert about["input"] == [1, *preprocess.shape] and about["divisor"] == preprocess.divisor


def test_the_page_names_every_file_and_the_scales(made: tuple[str, Path]) -> None:
    kind, app = made
    page = (app / "README.md").read_text()
    named = {path.name for path in app.iterdir()} - {"README.md", "index.html"}
    assert [name for name in sorted(named) if name not in page] == [] and "@@" not in page.replace(HOSTILE.strip(), "")
    [given] = [line for line in page.splitlines() if "my-net.int8.tflite" in line and "scale" in line]
    assert str(np.float32(json.loads((app / "golden.json").read_text())["expected"]["step"])) in given


@pytest.mark.parametrize("language", ["kotlin", "swift"])
def test_the_snippets_parse(made: tuple[str, Path], language: str) -> None:
    _, app = made
    [file] = app.glob({"kotlin": "*.kt", "swift": "*.swift"}[language])
    assert file.stem == "MyNet"
    root = parsed(file.read_bytes(), language)
    assert not root.has_error, [str(node) for node in root.children if node.has_error]


def parsed(program: bytes, language: str) -> Any:
    """The root of a program's syntax tree."""
    grammar = pytest.importorskip(f"tree_sitter_{language}", reason="pip install 'edgestill[dev]'")
    from tree_sitter import Language, Parser

    return Parser(Language(grammar.language())).parse(program).root_node


@pytest.mark.parametrize(("language", "array"), [("kotlin", "IntArray"), ("swift", "[Int32]")])
def test_token_ids_stay_whole_numbers(language: str, array: str) -> None:
    about = Contract("4 words", (1, 12), 2, Preprocess((12,), "int32"), Task("classify", ("ham", "spam")))
    files = snippets(about, "words.tflite")
    name = f"Net4Words.{'kt' if language == 'kotlin' else language}"
    assert not parsed(files[name].encode(), language).has_error and f"raw: {array}" in files[name].replace("_ ", "")
    assert "Int32Array.from(raw, (value, i) => value)" in files["4 words.js"]


def test_labels_stay_text_in_every_language() -> None:
    about = Contract("net", (1, 4), 2, Preprocess((4,), "float32"), Task("classify", ("a$b", 'c"${d}"\\')))
    files = snippets(about, "net.tflite")
    assert '"a\\$b", "c\\"\\${d}\\"\\\\",' in files["Net.kt"]
    assert '"a$b", "c\\"${d}\\"\\\\",' in files["Net.swift"] and '"a$b", "c\\"${d}\\"\\\\",' in files["net.js"]


def test_android_s_tools_find_labels_and_normalization_in_the_file(made: tuple[str, Path]) -> None:
    kind, app = made
    task, preprocess = CASES[kind]
    for ending in ("int8", "int8-float-io", "float"):
        path = app / f"my-net.{ending}.tflite"
        if kind == "classify":
            with zipfile.ZipFile(path) as archive:
                assert archive.read(LABELS).decode() == (app / LABELS).read_text()
        metadata = unpack(path.read_bytes(), path.name).metadata[NAME]
        assert metadata[4:8] == b"M001" and text(table(metadata), 0) == "my-net"
        subgraph = tables(table(metadata), 3)[0]
        [given], [returned] = tables(subgraph, 2), tables(subgraph, 3)
        options = under(tables(given, 4)[0], 1)
        assert np.allclose(floats(options, 0), np.array(preprocess.mean) * preprocess.divisor)
        assert np.allclose(floats(options, 1), np.array(preprocess.std) * preprocess.divisor)
        assert [text(one, 0) for one in tables(returned, 6)] == ([LABELS] if kind == "classify" else [])
    assert (app / LABELS).read_text().splitlines() == [label.replace("\n", " ") for label in task.labels]


def test_a_folder_with_metadata_is_read_like_any_model(made: tuple[str, Path]) -> None:
    kind, app = made
    graph = read_graph(app / "my-net.int8.tflite")
    assert graph.is_integer() and KEY in graph.metadata and NAME not in graph.metadata
    assert run(app / "my-net.int8.tflite", [np.zeros((1, *CASES[kind][1].shape), np.int8)], "tflite-micro").outputs


def test_somebody_s_files_are_not_lost(made: tuple[str, Path], tmp_path: Path) -> None:
    about = contract("my net", read_graph(made[1] / "my-net.int8.tflite"))
    again = AppFolder(about, {path.name: path.read_bytes() for path in made[1].iterdir()})
    assert set(again.files) <= set(optional_names(about))
    again.write(tmp_path / "app")
    again.write(tmp_path / "app")
    (tmp_path / "app" / "MyOwn.kt").write_text("mine")
    with pytest.raises(BadInput, match=r"not the folder's own: MyOwn\.kt"):
        again.write(tmp_path / "app")
    with pytest.raises(BadInput, match="no app's folder"):
        again.write(tmp_path)
    assert (tmp_path / "app" / "MyOwn.kt").read_text() == "mine"


def test_what_contradicts_itself_is_told_before_any_work(tmp_path: Path, capsys: Any) -> None:
    model = net(tmp_path / "net.onnx", *CASES["regress"])
    assert main(["quantize", str(model), "--data", "digits", "--app", "--strip"]) == 2
    assert "--app hands labels and preprocess over" in capsys.readouterr().err


@pytest.mark.parametrize("kind", CASES)
def test_raw_values_come_back_from_what_was_fed(kind: str) -> None:
    preprocess = CASES[kind][1]
    raw = raw_samples(preprocess)
    found = raw_of(preprocess.apply(raw), preprocess)
    assert found.dtype == raw.dtype and np.allclose(found, raw, atol=1e-5)


def test_the_page_loads_the_runtime_that_we_know() -> None:
    assert LITERT.version == LITERT_JS


@contextmanager
def served(app: Path, runtimes: dict[str, Path]) -> Iterator[str]:
    """The folder on loopback, with the browser runtimes where npm would put them."""

    class Handler(SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm"}

        def translate_path(self, path: str) -> str:
            name = path.removeprefix("/node_modules/")
            return str(runtimes[name]) if name in runtimes else super().translate_path(path)

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(app))) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(want_program("chromium", "web"), tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_the_page_in_a_browser_gives_the_golden_answer(made: tuple[str, Path], browser: Chromium) -> None:
    kind, app = made
    try:
        runtimes = dict(assets())
    except MissingTool:
        want(False, "web", web_assets())
    golden = json.loads((app / "golden.json").read_text())
    with served(app, runtimes) as url:
        page = browser.open(url)
        verdict = page.wait("document.getElementById('verdict').textContent")
        found, answer = page.see("found"), page.see("document.getElementById('answer').textContent")
        assert verdict == "As expected." and np.allclose(found, golden["expected"]["output"], atol=1e-5)
        if kind == "classify":
            assert answer.startswith(f"{golden['expected']['label']}: ")
            assert np.array_equal(np.asarray(Image.open(app / "golden.png")).reshape(-1), golden["input"]["values"])
            image = "Object.assign(new Image(), { src: 'golden.png' })"
            script = (
                "import('./my-net.js').then(async net => {"
                f" const image = {image}; await image.decode(); return Array.from(net.pixels(image)); }})"
            )
            assert page.see(script) == golden["input"]["values"]
        page.close()


def field(buffer: bytes, position: int, number: int) -> int | None:
    """Where a table's field is, by the flatbuffers' own format; None where it is not."""
    found = flatbuffers.table.Table(buffer, position)
    offset = found.Offset(4 + 2 * number)
    return position + offset if offset else None


Place = tuple[bytes, int]
Reader = Callable[[Place, int], Any]


def table(buffer: bytes) -> Place:
    return buffer, int.from_bytes(buffer[:4], "little")


def under(place: Place, number: int) -> Place:
    buffer, at = place[0], field(*place, number)
    assert at is not None
    return buffer, at + int.from_bytes(buffer[at : at + 4], "little")


def text(place: Place, number: int) -> str:
    buffer, start = under(place, number)
    length = int.from_bytes(buffer[start : start + 4], "little")
    return buffer[start + 4 : start + 4 + length].decode()


def floats(place: Place, number: int) -> Any:
    buffer, start = under(place, number)
    return np.frombuffer(buffer, np.float32, int.from_bytes(buffer[start : start + 4], "little"), start + 4)


def tables(place: Place, number: int) -> list[Place]:
    if field(*place, number) is None:
        return []
    buffer, start = under(place, number)
    count = int.from_bytes(buffer[start : start + 4], "little")
    starts = range(start + 4, start + 4 + 4 * count, 4)
    return [(buffer, at + int.from_bytes(buffer[at : at + 4], "little")) for at in starts]
