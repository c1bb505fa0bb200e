"""The harness: every file a row, every call kept, turns taken, and the contract of `bench --json`."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgestill.benchmarks.harness.measure import bench
from edgestill.benchmarks.harness.result import Result
from edgestill.benchmarks.tables.terminal import Terminal
from edgestill.pipeline.artifact import Artifact
from edgestill.pipeline.progress import listening
from edgestill.targets.host import Host
from edgestill.targets.target import HERE, Arrays, Device, Evidence, Plan, Samples

KWS = Path(__file__).parent / "cases" / "mlperf-tiny" / "kws_int8.tflite"
PLAN = Plan(warmup=1, runs=30, seconds=5.0, rounds=3, warmup_seconds=0.0)


def net(path: Path, width: int) -> Path:
    """x (1,1,12,12) through one convolution of so many channels."""
    weights = np.random.default_rng(width).normal(size=(width, 1, 3, 3)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["y"])]
    ins = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 12, 12])]
    outs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width, 10, 10])]
    graph = helper.make_graph(nodes, "net", ins, outs, [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """Two files that run, one that is damaged, one that is not there, one that is no model."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "damaged.tflite").write_bytes(KWS.read_bytes()[:3000])
    (folder / "notes.txt").write_text("nothing to run")
    files = [net(folder / "net.onnx", 4), folder / "damaged.tflite", folder / "none.onnx", folder / "notes.txt", KWS]
    return bench(files, [Host()], PLAN)


def test_every_file_is_a_row_in_the_order_given(results: list[Result]) -> None:
    names = ["net.onnx", "damaged.tflite", "none.onnx", "notes.txt", "kws_int8.tflite"]
    assert [Path(result.file.path).name for result in results] == names
    assert [bool(result.error) for result in results] == [False, True, True, True, False]


def test_a_row_that_failed_says_where_and_why(results: list[Result]) -> None:
    damaged, missing, alien = (result.error for result in results[1:4])
    assert damaged and (damaged.step, damaged.code) == ("load", "BadModel")
    assert damaged.message.startswith("damaged.tflite: loading it: ")
    assert missing and missing.message.endswith("none.onnx: no such file")
    assert alien and "unknown ending '.txt'" in alien.message
    assert all(result.latency() is None and result.rounds_us == () and result.arena is None for result in results[1:4])


def test_every_counted_call_is_kept(results: list[Result]) -> None:
    for result in (results[0], results[4]):
        assert [len(part) for part in result.rounds_us] == [10, 10, 10]
        latency = result.latency()
        assert latency and latency.n == 30 and latency.first == result.first_us
        assert latency.min == min(value for part in result.rounds_us for value in part)


def test_a_row_knows_its_file_its_runtime_and_its_memory(results: list[Result]) -> None:
    kws = results[4]
    assert kws.file.sha256 == hashlib.sha256(KWS.read_bytes()).hexdigest()
    assert (kws.file.bytes, kws.file.kind) == (53_936, "tflite")
    assert kws.runtime and kws.runtime["name"] == "litert"
    assert kws.peak_memory_bytes and kws.peak_memory_bytes > 53_936
    assert kws.arena and kws.arena.total == kws.arena.head + kws.arena.tail > 0
    assert results[0].arena is None


def test_outputs_are_held_against_the_first_round(results: list[Result]) -> None:
    for result in (results[0], results[4]):
        assert result.output and (result.output.mismatches, result.output.reference) == (0, "its own first round")
    assert results[4].output and results[4].output.values == 12


def test_a_row_of_json_keeps_the_contract(results: list[Result]) -> None:
    keys = {"artifact", "target", "evidence", "runtime", "latency_us", "instructions", "cycles_estimate", "ram_bytes"}
    keys |= {"flash_bytes", "operators", "output", "telemetry", "degraded", "error", "samples_us", "sustained", "told"}
    for result in results:
        row = json.loads(json.dumps(result.to_json(), allow_nan=False))
        assert set(row) == keys
        assert set(row["artifact"]) == {"path", "sha256", "bytes", "kind", "precision", "operators"}
        assert {"plan", "stack", "static", "total"} <= set(row["ram_bytes"])
    row = results[4].to_json()
    assert {"n", "first", "min", "p50", "p90", "p99", "mean"} <= set(row["latency_us"])
    assert {"name", "version", "threads", "delegate"} <= set(row["runtime"])
    assert {"sha256", "reference", "matches_reference", "mismatches"} <= set(row["output"])
    assert row["evidence"] == "measured" and row["output"]["matches_reference"] is True
    assert "few-calls" in [doubt["code"] for doubt in row["degraded"]]


class Follower:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def advance(self, done: int, total: int, note: str) -> None:
        self.notes.append(f"{note} {done}/{total}")

    def say(self, text: str) -> None:
        raise AssertionError(text)


def test_whoever_listens_hears_how_far_it_is(tmp_path: Path) -> None:
    follower = Follower()
    with listening(follower):
        bench([net(tmp_path / "a.onnx", 2)], [Host()], PLAN)
    assert follower.notes[0] == "loading 0/1"
    assert follower.notes[-1] == "measuring 3/3"


class Diary:
    """A target that runs nothing and writes down who was measured when."""

    evidence = Evidence.EMULATED
    name = "diary"

    def __init__(self, breaks: str = "", place: str = HERE, meet: Callable[[], object] = lambda: None) -> None:
        self.place, self.meet = place, meet
        self.pages: list[str] = []
        self.closed: list[str] = []
        self.breaks = breaks

    def probe(self) -> Device:
        return Device("diary", {})

    @contextmanager
    def load(self, file: Artifact, threads: int = 1) -> Iterator["Page"]:
        yield Page(self, file.path.name)
        self.closed.append(file.path.name)


class Page:
    """One file of the diary."""

    def __init__(self, diary: Diary, name: str) -> None:
        self.diary, self.name = diary, name

    def infer(self, inputs: Arrays | None = None) -> Arrays:
        return [np.full(3, len(self.diary.pages) if self.name == "moody.onnx" else 0)]

    def measure(self, plan: Plan) -> Samples:
        self.diary.pages.append(self.name)
        self.diary.meet()
        if self.name == self.diary.breaks and self.diary.pages.count(self.name) == 2:
            raise OSError("the cable came off")
        facts = {"clock_us": 0.1, "interruptions": 0, "before": {}, "after": {}}
        return Samples({"name": "none", "threads": 1}, 9.0, (1.0,) * plan.runs, None, "ab", facts)


def written(folder: Path, *names: str) -> Sequence[Path]:
    for name in names:
        (folder / name).write_text(name)
    return [folder / name for name in names]


def test_files_take_turns_round_by_round(tmp_path: Path) -> None:
    diary = Diary()
    bench(written(tmp_path, "a.onnx", "b.onnx"), [diary], PLAN)
    assert diary.pages == ["a.onnx", "b.onnx"] * 3
    assert sorted(diary.closed) == ["a.onnx", "b.onnx"]


def test_a_file_that_fails_midway_stops_no_other(tmp_path: Path) -> None:
    first, second = bench(written(tmp_path, "a.onnx", "b.onnx"), [Diary("a.onnx")], PLAN)
    assert first.error and (first.error.step, first.error.message) == ("measure", "the cable came off")
    assert first.rounds_us == ()
    assert second.error is None and len(second.rounds_us) == 3


def test_places_are_measured_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for the other in every round."""
    meeting = threading.Barrier(2, timeout=30)
    diaries = [Diary(place=place, meet=meeting.wait) for place in ("one", "other")]
    rows = bench(written(tmp_path, "a.onnx"), diaries, PLAN)
    assert [(row.error, len(row.rounds_us)) for row in rows] == [(None, 3)] * 2


def test_one_place_takes_turns(tmp_path: Path) -> None:
    inside: list[int] = []

    def alone() -> None:
        inside.append(1)
        assert len(inside) == 1
        time.sleep(0.01)
        inside.pop()

    rows = bench(written(tmp_path, "a.onnx"), [Diary(meet=alone), Diary(meet=alone)], PLAN)
    assert [row.error for row in rows] == [None, None]


def test_an_interrupt_ends_what_runs_in_every_place(tmp_path: Path) -> None:
    begun = threading.Event()

    def interrupt() -> None:
        assert begun.wait(30)
        raise KeyboardInterrupt

    here, there = Diary(meet=interrupt), Diary(place="there", meet=begun.set)
    with pytest.raises(KeyboardInterrupt):
        bench(written(tmp_path, "a.onnx", "b.onnx"), [here, there], replace(PLAN, rounds=3))
    assert sorted(here.closed) == sorted(there.closed) == ["a.onnx", "b.onnx"]


def test_every_place_has_its_line_where_nobody_looks_at_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    diaries = [Diary(place="one"), Diary("a.onnx", place="other")]
    with Terminal() as terminal, listening(terminal):
        bench(written(tmp_path, "a.onnx"), diaries, PLAN)
    told = capsys.readouterr().err
    assert told.count("· diary: loading") == told.count("· diary: measuring") == 2
    assert "✓ diary: 1 file measured" in told and "✗ diary: 1 of 1 file failed (measure: OSError)" in told


def test_what_was_emulated_has_no_latency(tmp_path: Path) -> None:
    (result,) = bench(written(tmp_path, "a.onnx"), [Diary()], PLAN)
    assert result.rounds_us and result.latency() is None
    assert result.to_json()["latency_us"] is None and result.to_json()["samples_us"] is None
    assert replace(result, evidence=Evidence.MEASURED).latency() is not None


def test_outputs_that_change_are_counted(tmp_path: Path) -> None:
    (result,) = bench(written(tmp_path, "moody.onnx"), [Diary()], PLAN)
    assert result.output and result.output.mismatches == 3
    assert result.to_json()["output"]["matches_reference"] is False


def test_a_model_whose_weights_lie_beside_it_is_a_row_with_the_cure(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in "xy")
    weights = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True, size_threshold=0)
    [row] = bench([tmp_path / "net.onnx"], [Host()], PLAN)
    assert row.error and "external_data=False" in row.error.message
