"""What rows say side by side: ratios with intervals, refusals that name the field, reasons out of the rows alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgestill.benchmarks.harness.earlier import against, read_earlier
from edgestill.benchmarks.harness.readings import readings, to_json
from edgestill.benchmarks.harness.result import FileFacts, Result
from edgestill.benchmarks.harness.slower import why_slower
from edgestill.benchmarks.stats import Interval, ratio_of_separate
from edgestill.pipeline.errors import BadInput
from edgestill.pipeline.runtimes.interface import arithmetic
from edgestill.targets.target import Evidence

CASES = Path(__file__).parent / "cases"
PI4: dict[str, Any] = {"cpu": "Raspberry Pi 4", "arch": "aarch64", "features": ["asimd"]}
PI5: dict[str, Any] = {"cpu": "Raspberry Pi 5", "arch": "aarch64", "features": ["asimd", "asimddp"]}


def row(file: str, us: float, device: dict[str, Any] = PI5, target: str = "pi", **runtime: Any) -> Result:
    """A row whose five rounds wobble a little around `us`."""
    precision = "int8" if "int8" in file else "float"
    return Result(
        file=FileFacts(file, file, 1000, file.rpartition(".")[2], precision, 12),
        target=target,
        evidence=Evidence.MEASURED,
        runtime={"name": "litert", "version": "2", "threads": 1, "delegate": "XNNPACK", "affinity": None, **runtime},
        rounds_us=tuple(tuple(us * (1 + 0.001 * (call % 7 + turn)) for call in range(40)) for turn in range(5)),
        telemetry={"device": device},
    )


def said(*rows: Result) -> str:
    return "\n".join(text for _, text in readings(rows))


def test_int8_stands_beside_its_float_file_on_every_target() -> None:
    browser: dict[str, Any] = {"target": "web", "name": "litert.js/wasm"}
    text = said(
        row("net.int8.tflite", 1000, target="pi5"),
        row("net.tflite", 2300, target="pi5"),
        row("net.int8.tflite", 5000, **browser),
        row("net.tflite", 2000, **browser),
    )
    assert text.startswith("net.int8.tflite beside net.tflite: 2.3× as fast (2.30 to 2.30) on pi5, 0.4× as fast")
    assert "on web's browser" in text.splitlines()[0]


@pytest.mark.parametrize(
    ("field", "runtime"),
    [("version (2, 3) differs", {"version": "3"}), ("threads (1, 2) differs", {"threads": 2})],
)
def test_rows_that_are_unlike_are_not_compared_and_the_field_is_named(field: str, runtime: dict[str, Any]) -> None:
    text = said(row("net.int8.tflite", 1000), row("net.tflite", 2000, **runtime))
    assert text == f"net.int8.tflite is not compared with net.tflite: {field} on pi"


def test_runtimes_are_not_mixed() -> None:
    text = said(row("net.int8.onnx", 1000, name="onnxruntime"), row("net.tflite", 2000))
    assert text == "net.int8.onnx is not compared with net.tflite: runtime (onnxruntime, litert) differs on pi"


def test_files_of_other_models_are_no_pair() -> None:
    assert said(row("one.int8.tflite", 1000), row("other.tflite", 2000)) == ""
    assert said(row("a/net.int8.tflite", 1000), row("b/net.tflite", 2000)) == ""


def test_what_is_the_same_as_far_as_one_can_tell_is_told_so() -> None:
    wobbly = replace(row("net.tflite", 100), rounds_us=tuple((float(us),) * 9 for us in (80, 120, 90, 110, 101)))
    assert "as fast as far as one can tell (" in said(row("net.int8.tflite", 100), wobbly)


@pytest.mark.parametrize(
    ("device", "runtime", "us", "reason"),
    [
        (PI4, {}, 900.0, "the processor (Raspberry Pi 4) has no INT8 dot products: none of asimddp, i8mm"),
        (PI5, {"delegate": "none"}, 900.0, "XNNPACK took the float file and not this one, which ran on plain kernels"),
        (PI5, {"name": "onnxruntime-web/wasm"}, 900.0, "ONNX Runtime Web has few INT8 kernels"),
        (PI5, {}, 20.0, "a call of 20.1 µs for 12 operators is mostly what surrounds the arithmetic"),
        (PI5, {}, 900.0, None),
        ({}, {}, 900.0, None),
    ],
)
def test_the_reasons_are_in_the_rows(
    device: dict[str, Any], runtime: dict[str, Any], us: float, reason: str | None
) -> None:
    told = why_slower(row("net.int8.tflite", 2 * us, device, **runtime), row("net.tflite", us, device))
    assert told == reason if reason is None else (told or "").startswith(reason)


def test_the_json_has_the_ratio_and_the_reason() -> None:
    told = to_json([row("net.int8.tflite", 2000, PI4), row("net.tflite", 1000, PI4)])
    [one] = told["compared"]
    assert told["refused"] == []
    assert one["times_as_fast"] == pytest.approx(0.5, rel=0.01) and one["low"] <= one["high"] < 1
    assert "dot products" in one["why_slower"]


def test_the_json_has_what_is_not_compared_and_why() -> None:
    int8, real = row("net.int8.tflite", 1000, version="2"), row("net.tflite", 2000, version="3", threads=2)
    told = to_json([int8, real, row("net.int8.onnx", 500, name="onnxruntime")])
    assert told["compared"] == [] and [one["int8"] for one in told["refused"]] == ["net.int8.tflite", "net.int8.onnx"]
    assert told["refused"][0] == {
        "int8": "net.int8.tflite",
        "float": "net.tflite",
        "target": "pi",
        "reasons": ["version (2, 3)", "threads (1, 2)"],
    }
    both = to_json([int8, real, row("net.int8.tflite", 9, name="a"), row("net.float.tflite", 1, version="2")])
    assert [one["float"] for one in both["compared"]] == ["net.float.tflite"]


def written(path: Path, *rows: Result) -> list[Result]:
    path.write_text(json.dumps({"schema": 1, "results": [one.to_json() for one in rows]}))
    return read_earlier(path)


def test_an_earlier_bench_is_compared_like_with_like(tmp_path: Path) -> None:
    now, before = row("net.tflite", 1000), written(tmp_path / "then.json", row("net.tflite", 1500))
    [found] = against([now], before, "then.json")
    text, told = str(found), found.to_json()
    assert told["times_as_fast"] == pytest.approx(1.5, rel=0.01) and told["same_bytes"] and told["reasons"] == []
    assert text.startswith("net.tflite on pi: 1.5× as fast (") and text.endswith(" as in then.json")
    other = replace(now, file=replace(now.file, sha256="new"))
    assert str(next(against([other], before, "then.json"))).endswith("another file of that name")
    [alone] = against([row("b.tflite", 1)], before, "then.json")
    assert str(alone) == "b.tflite on pi: then.json has no such file" and alone.to_json()["earlier"] is None


def test_an_earlier_bench_of_another_device_or_version_is_refused(tmp_path: Path) -> None:
    before = written(tmp_path / "then.json", row("net.tflite", 1500, PI4, version="1"))
    [found] = against([row("net.tflite", 1000)], before, "then.json")
    assert found.ratio is None and found.to_json()["reasons"] == list(found.fields) and len(found.fields) == 2
    assert str(found) == (
        "net.tflite on pi is not compared with then.json: "
        "device (Raspberry Pi 5, Raspberry Pi 4), version (2, 1) differ"
    )


@pytest.mark.parametrize("text", ["", "[]", '{"results": [{}]}', '{"results": 3}', '{"results": {}}'])
def test_what_is_no_earlier_bench_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadInput, match="x.json: not what `edgestill bench --json` writes"):
        read_earlier(tmp_path / "x.json")


def test_measurements_of_two_days_have_a_wider_interval_than_their_rounds() -> None:
    days = [[[100.0, 101.0]] * 2 + [[102.0, 103.0]] * 3, [[200.0, 202.0]] * 3 + [[204.0, 204.0]] * 2]
    found = ratio_of_separate(*days)
    assert found.low is not None and found.high is not None and found.low < 1.98 < found.high
    assert ratio_of_separate([[1.0]], [[2.0]]) == Interval(2.0, None, None)


def test_a_file_says_what_it_computes_with() -> None:
    tiny = CASES / "mlperf-tiny"
    assert arithmetic(tiny / "kws_int8.tflite").precision == "int8"
    assert arithmetic(tiny / "kws_fp32.tflite").precision == "float"
    assert arithmetic(tiny / "kws_fp32.tflite").operators == 13


@pytest.mark.parametrize("odd", [0, -1.5, float("nan"), float("inf"), 10**400, "12", True, None])
def test_an_earlier_call_of_a_time_that_no_clock_gives_is_named(odd: Any, tmp_path: Path) -> None:
    told = row("net.tflite", 1500).to_json()
    told["samples_us"][0][0] = odd
    (tmp_path / "x.json").write_text(json.dumps({"results": [told]}))
    with pytest.raises(BadInput, match=r"x.json: .*samples_us holds .* a call takes more than 0 microseconds"):
        read_earlier(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"artifact": {"path": 7}}, "file: path: str is wanted here, not 7"),
        ({"artifact": {"path": None}}, "file: path: str is wanted here, not None"),
        ({"artifact": {"path": "net.tflite", "sha256": 5}}, "file: sha256: str is wanted here, not 5"),
        ({"target": 5}, "target: str is wanted here, not 5"),
        ({"evidence": "dreamt"}, "evidence: 'dreamt' is none of"),
        ({"runtime": ["x"]}, r"runtime: dict is wanted here, not \['x'\]"),
        ({"telemetry": 3}, "telemetry: dict is wanted here, not 3"),
        ({"telemetry": {"device": 3}}, "telemetry: device: a table is wanted here, not 3"),
    ],
)
def test_an_earlier_row_of_other_types_is_refused_by_its_key(
    changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    told = {**row("net.tflite", 1500).to_json(), **changed}
    (tmp_path / "x.json").write_text(json.dumps({"results": [told]}))
    with pytest.raises(BadInput, match=rf"x.json: results\[0\]: ({said})"):
        read_earlier(tmp_path / "x.json")


def test_an_earlier_row_without_calls_is_no_row(tmp_path: Path) -> None:
    told = row("net.tflite", 1500).to_json()
    nothing: list[Any] = [None, [], [[]]]
    for calls in nothing:
        (tmp_path / "x.json").write_text(json.dumps({"results": [{**told, "samples_us": calls}]}))
        assert read_earlier(tmp_path / "x.json") == []
