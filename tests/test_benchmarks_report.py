"""The report: one document, the same after a round trip, whose statistics can be made again from its raw samples."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.benchmarks.harness.result import FileFacts, Result
from edgestill.benchmarks.plain import plain
from edgestill.benchmarks.report import sentences
from edgestill.benchmarks.report.baseline import same_samples
from edgestill.benchmarks.report.derive import derive
from edgestill.benchmarks.report.document import Report, read_report, write_report
from edgestill.benchmarks.report.variant import float_source, result_of
from edgestill.pipeline.errors import BadInput
from edgestill.targets.target import Device, Evidence, Plan

DIGITS = Path(__file__).parent / "cases" / "report.json"

facts = st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=8) | st.lists(st.integers()))
micros = st.floats(0.01, 1e7)
results = st.builds(
    Result,
    file=st.builds(FileFacts, st.text(max_size=8), bytes=st.none() | st.integers(0, 2**40)),
    evidence=st.sampled_from(Evidence),
    runtime=st.none() | st.fixed_dictionaries({"name": st.text(max_size=8), "threads": st.integers(1, 8)}),
    first_us=st.none() | micros,
    rounds_us=st.lists(st.lists(micros, min_size=1, max_size=4).map(tuple), max_size=3).map(tuple),
    telemetry=st.fixed_dictionaries({"cores": st.integers(1, 8), "clock_us": micros}),
)
reports = st.builds(
    Report,
    device=st.builds(Device, facts=facts),
    plan=st.builds(Plan, st.integers(0, 9), st.integers(1, 9), micros, st.integers(1, 9), st.integers(1, 9), micros),
    variants=st.just(()),
    results=st.lists(results, max_size=2).map(tuple),
    lineage=st.dictionaries(st.text(max_size=8), facts, max_size=2),
    versions=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=2),
    curves=st.just(()),
    parity=st.just(()),
)


@pytest.fixture(scope="module")
def digits() -> Report:
    """A real run on digits with three seeds."""
    return read_report(DIGITS)


def written(report: Report, folder: Path) -> Path:
    write_report(report, folder / "report.json")
    return folder / "report.json"


def test_a_report_survives_the_round_trip(digits: Report, tmp_path: Path) -> None:
    assert read_report(written(digits, tmp_path)) == digits


@given(report=reports)
def test_any_report_survives_the_round_trip(report: Report, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = written(report, tmp_path_factory.getbasetemp())
    assert read_report(path) == report
    assert json.loads(path.read_text(encoding="utf-8"))["derived"] == plain(derive((), report.results))


def test_the_same_report_is_the_same_bytes(digits: Report, tmp_path: Path) -> None:
    first = written(digits, tmp_path).read_bytes()
    assert written(read_report(tmp_path / "report.json"), tmp_path).read_bytes() == first


def test_what_is_derived_can_be_made_again_from_what_is_raw(digits: Report, tmp_path: Path) -> None:
    document = json.loads(written(digits, tmp_path).read_text())
    again = read_report(tmp_path / "report.json")
    assert document["derived"] == plain(derive(again.variants, again.results))
    assert len(document["derived"]["timings"]) == len(digits.results) == 10


def test_derived_values_in_the_file_are_never_believed(digits: Report, tmp_path: Path) -> None:
    path = written(digits, tmp_path)
    document = json.loads(path.read_text())
    document["derived"]["timings"][0]["latency_us"]["p50"] = 0.001
    path.write_text(json.dumps(document))
    assert read_report(path) == digits


def test_a_report_tells_nothing_of_folders(digits: Report) -> None:
    moved = tuple(replace(one, file=replace(one.file, path=f"/home/ann/{one.file.path}")) for one in digits.results)
    assert replace(digits, results=moved) == digits


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "a report of schema 2; this edgestill reads 1"),
        ({"variants": "many"}, "report.json: variants: list is wanted here"),
        ({"device": {"name": "x"}}, "report.json: device: the key 'facts' is missing"),
        ({"plan": 3}, "report.json: plan: a table is wanted here, not 3"),
        ({"recipe": None}, "report.json: recipe: str is wanted here, not None"),
    ],
)
def test_a_changed_report_is_refused_by_the_key_that_is_wrong(
    digits: Report, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = written(digits, tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BadInput, match=said):
        read_report(path)


def changed(digits: Report, folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    path = written(digits, folder)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


IMPOSSIBLE: dict[str, Callable[[dict[str, Any]], object]] = {
    r"report.json: variants\[1\]: test\[0\] is nan; a finite": lambda it: set_(it["variants"][1]["test"], 0, math.nan),
    r"results\[0\]: first_us is inf; a finite": lambda it: set_(it["results"][0], "first_us", math.inf),
    "telemetry: clock_us is nan": lambda it: set_(it["results"][0]["telemetry"], "clock_us", math.nan),
    "plan: seconds is larger than anything": lambda it: set_(it["plan"], "seconds", 10**400),
    r"files\[0\]: bytes is -1; nothing below 0": lambda it: set_(it["variants"][0]["files"][0], "bytes", -1),
    r"rounds_us\[1\]\[0\] is -0.5; nothing below 0": lambda it: set_(it["results"][3]["rounds_us"][1], 0, -0.5),
    "row 'distilled': test has 4 values for 3 seeds": lambda it: it["variants"][2]["test"].append(90.0),
    "row 'distilled': seeds holds one seed twice": lambda it: set_(it["variants"][2]["seeds"], 0, 1),
    "accuracy is 900 %; it is from 0 to 100": lambda it: set_(it["variants"][2]["test"], 0, 900.0),
}


def set_(values: Any, key: Any, value: object) -> None:
    values[key] = value


@pytest.mark.parametrize("said", IMPOSSIBLE)
def test_a_report_of_what_nobody_can_measure_is_refused_by_its_place(digits: Report, tmp_path: Path, said: str) -> None:
    path = changed(digits, tmp_path, IMPOSSIBLE[said])
    with pytest.raises(BadInput, match=said):
        read_report(path)


@pytest.mark.parametrize("key", ["rounds_us", "first_us"])
def test_a_report_whose_measurements_were_changed_is_refused(digits: Report, tmp_path: Path, key: str) -> None:
    value: dict[str, Any] = {"rounds_us": [[1.0, 2.0]], "first_us": 1.0}
    path = changed(digits, tmp_path, lambda it: set_(it["results"][0], key, value[key]))
    with pytest.raises(
        BadInput, match="created, device, plan, results, variants, lineage are not as they were measured"
    ):
        read_report(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: set_(it["variants"][2]["test"], 0, 99.0),
        lambda it: set_(it["variants"][0], "test", []),
        lambda it: set_(it["lineage"], "scratch", {"inputs": {"data": "0" * 64}}),
    ],
)
def test_a_report_whose_scores_or_data_were_changed_is_refused(
    digits: Report, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(BadInput, match="variants, lineage are not as they were measured"):
        read_report(changed(digits, tmp_path, change))


@pytest.mark.parametrize("lineage", [[], "x", 3])
def test_a_step_of_the_lineage_that_is_no_table_is_refused(digits: Report, tmp_path: Path, lineage: Any) -> None:
    with pytest.raises(BadInput, match="lineage: scratch: "):
        read_report(changed(digits, tmp_path, lambda it: set_(it["lineage"], "scratch", lineage)))


def test_a_lineage_without_inputs_says_nothing_of_its_data(digits: Report) -> None:
    odd: Any = {"scratch": {"inputs": []}}
    assert not same_samples(odd, odd) and not same_samples({}, {})


def test_a_report_without_a_seal_is_read_but_nothing_of_it_is_taken_as_measured(digits: Report, tmp_path: Path) -> None:
    path = changed(digits, tmp_path, lambda it: it.pop("measured_sha256"))
    assert read_report(path) == digits
    with pytest.raises(BadInput, match="not as they were measured"):
        read_report(path, sealed=True)


def test_an_evidence_that_does_not_exist_is_refused(digits: Report, tmp_path: Path) -> None:
    path = written(digits, tmp_path)
    path.write_text(path.read_text().replace('"measured"', '"imagined"', 1))
    with pytest.raises(BadInput, match="'imagined' is none of emulated, estimated, measured"):
        read_report(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[1, 2]", '"report"'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(BadInput, match="report"):
        read_report(tmp_path / "report.json")


def test_int8_is_held_against_the_float_it_was_made_from(digits: Report) -> None:
    last = digits.variants[-1]
    source = float_source(digits.variants, last)
    assert source and (source.name, last.name) == ("+ pruned", "+ int8")
    found = derive(digits.variants, digits.results).speeds
    assert [(one.int8, one.float) for one in found] == [
        ("model.int8.tflite", "model.tflite"),
        ("model.int8.onnx", "model.onnx"),
    ]


def test_unlike_runtimes_are_not_compared(digits: Report) -> None:
    twin = result_of(digits.results, digits.variants[-1].file("int8 tflite"))
    assert twin and twin.runtime
    other = replace(twin, runtime={**twin.runtime, "threads": 2})
    changed = tuple(other if one is twin else one for one in digits.results)
    assert [one.format for one in derive(digits.variants, changed).speeds] == ["onnx"]


def with_times(report: Report, role: str, factor: float) -> Report:
    """The last variant's file of this role, so many times the float file's rounds."""
    file = next(file for file in report.variants[-1].files if file.role == role)
    base = result_of(report.results, report.variants[-2].file("float tflite"))
    assert base
    rounds = tuple(tuple(value * factor for value in part) for part in base.rounds_us)
    changed = (replace(one, rounds_us=rounds) if one.file.sha256 == file.sha256 else one for one in report.results)
    return replace(report, results=tuple(changed))


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (0.5, "TFLite: INT8 is 2.0× faster than its float file (95 % interval 2.00 to 2.00)."),
        (3.0, "TFLite: INT8 is 3.0× slower than its float file (95 % interval 3.00 to 3.00)."),
        (1.0, "TFLite: INT8 and its float file take the same time, as far as this run can tell."),
    ],
)
def test_the_sentence_on_speed_is_true_either_way(digits: Report, factor: float, said: str) -> None:
    assert said in list(sentences.speeds(with_times(digits, "int8 tflite", factor)))


def test_the_sentence_on_distillation_claims_nothing_from_one_seed(digits: Report) -> None:
    one = tuple(replace(variant, seeds=(0,), test=variant.test[:1]) for variant in digits.variants)
    (said,) = sentences.distillations(replace(digits, variants=one))
    assert said.endswith("one seed is too few to call it a gain or a loss.")
    (many,) = sentences.distillations(digits)
    assert "3 seeds, paired 95 % interval" in many and "chance is not excluded" in many


@pytest.mark.parametrize(
    ("more", "said"),
    [(0.5, "(3 seeds, the same in each): a gain."), (0.0, "(3 seeds, the same in each): neither a gain nor a loss.")],
)
def test_what_every_seed_brings_alike_is_told_without_an_interval(digits: Report, more: float, said: str) -> None:
    alone = next(row.test for row in digits.variants if row.name == "student from scratch")
    test = tuple(value + more for value in alone)
    rows = tuple(replace(row, test=test) if row.name == "distilled" else row for row in digits.variants)
    (found,) = sentences.distillations(replace(digits, variants=rows))
    assert found.endswith(said) and "interval" not in found


def test_every_student_that_was_taught_is_told_of_by_its_own_name(digits: Report) -> None:
    names = {"distilled": "hinted"}
    rows = tuple(replace(row, name=names.get(row.name, row.name)) for row in digits.variants)
    assert not list(sentences.distillations(replace(digits, variants=rows)))
    told = replace(digits, variants=rows, lineage={**digits.lineage, "hinted": {"stage": "distill"}})
    (said,) = sentences.distillations(told)
    assert said.startswith("Distillation, hinted: ")


def test_an_assistant_of_another_net_is_not_held_to_the_student_alone(digits: Report) -> None:
    taught, alone = ({"options": {"model": "ds-cnn", "options": {"width": width}}} for width in (16, 8))
    lineage: dict[str, dict[str, Any]] = {"scratch": alone, "distill": {"stage": "distill", **taught}}
    assert not list(sentences.distillations(replace(digits, lineage=lineage)))
    assert list(sentences.distillations(replace(digits, lineage={**lineage, "scratch": taught})))


def test_rows_of_different_runtimes_are_warned_about(digits: Report) -> None:
    assert sentences.mixed(digits) is None
    files = tuple(file for file in digits.variants[0].files if file.role == "float onnx")
    teacher = replace(digits.variants[0], files=files)
    said = sentences.mixed(replace(digits, variants=(teacher, *digits.variants[1:])))
    assert said and "ONNX Runtime: teacher;" in said
