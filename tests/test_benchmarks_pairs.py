"""Two models on the same test samples: the interval holds the truth as often as it says, in any direction."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.benchmarks.report import sentences
from edgestill.benchmarks.report.derive import derive
from edgestill.benchmarks.report.document import Report, read_report
from edgestill.benchmarks.report.pairs import areas, over_samples, proportions
from edgestill.benchmarks.report.seen import confusion, judged, scatter
from edgestill.benchmarks.report.variant import Judged
from edgestill.benchmarks.stats import Interval
from edgestill.pipeline.task import ACCURACY, AREA, Metric, Task, roc_auc

CELSIUS = Metric("mean absolute error", "°C", "lower")
REPORT = Path(__file__).parent / "cases" / "report.json"


@pytest.fixture(scope="module")
def digits() -> Report:
    return read_report(REPORT)


def holds(interval: Interval | None, value: float) -> bool:
    assert interval is not None
    return not interval.excludes(value)


@given(seed=st.integers(0, 2**16), n=st.integers(4, 300))
def test_the_difference_of_two_areas_is_that_of_the_metric(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(n) % 2)
    own, base = random.integers(0, 20, (2, n)).astype(float)
    found = areas(own.tolist(), base.tolist(), y.tolist())
    assert found is not None and found.low is not None and found.high is not None
    assert found.estimate == pytest.approx(roc_auc(own, y) - roc_auc(base, y), abs=1e-9)
    assert found.low <= found.estimate <= found.high


def test_intervals_over_samples_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    held = {"areas": 0, "proportions": 0}
    for _ in range(300):
        y = (np.arange(200) < 80).astype(int)
        one = random.standard_normal(200) + y  # both models see the same sample, each with its own noise
        own, base = (one + 0.3 * random.standard_normal(200) for _ in range(2))
        held["areas"] += holds(areas(own.tolist(), base.tolist(), y.tolist()), 0.0)
        right = [(random.random(200) < 0.9).astype(float).tolist() for _ in range(2)]
        held["proportions"] += holds(proportions(*right), 0.0)
    assert all(0.91 <= count / 300 <= 0.99 for count in held.values()), held


def test_two_that_never_differ_still_leave_room_for_a_difference() -> None:
    found = proportions([1.0] * 100, [1.0] * 100)
    assert found.estimate == 0 and found.low is not None and found.low < 0 < (found.high or 0)


def test_samples_that_do_not_pair_are_not_compared() -> None:
    one, fewer = Judged((1.0, 0.0, 1.0)), Judged((1.0, 0.0))
    assert over_samples(ACCURACY, one, fewer) is None
    assert over_samples(AREA, Judged((1.0, 0.0), (0, 1)), Judged((1.0, 0.0), (1, 0))) is None
    assert over_samples(AREA, Judged((1.0, 0.0), (0, 1)), Judged((1.0, 0.5), (0, 1))) is None  # one of either kind
    assert over_samples(CELSIUS, Judged((1.0,)), Judged((1.0,))) is None


def test_what_int8_changed_is_told_over_seeds_and_over_samples(digits: Report) -> None:
    random = np.random.default_rng(0)
    own, base = (Judged(tuple((random.random(359) < 0.8).astype(float).tolist())) for _ in range(2))
    rows = [replace(row, judged=base) if row.name == "+ pruned" else row for row in digits.variants]
    changed = replace(digits, variants=(*rows[:-1], replace(rows[-1], judged=own)))
    (change,) = derive(changed.variants, changed.results).changes
    assert (change.variant, change.source, change.samples) == ("+ int8", "+ pruned", 359)
    (said,) = sentences.quantizations(changed)
    assert "had other seeds trained the nets, " in said and "paired over 3 seeds" in said
    assert "had other samples been tested, " in said and "paired over 359 samples, first seed alone" in said


def test_a_report_written_before_samples_were_kept_still_tells_its_seeds(digits: Report) -> None:
    (change,) = derive(digits.variants, digits.results).changes
    assert change.over_seeds is not None and change.over_samples is None
    (said,) = sentences.quantizations(digits)
    assert "other samples" not in said


@pytest.mark.parametrize(("better", "verdict"), [("lower", "a gain"), ("higher", "a loss")])
def test_the_direction_of_the_metric_decides_what_is_a_gain(digits: Report, better: str, verdict: str) -> None:
    metric = Metric("mean absolute error", "°C", better)  # type: ignore[arg-type]
    scores = {"student from scratch": (0.50, 0.51, 0.52), "distilled": (0.40, 0.41, 0.43)}
    rows = [replace(row, metric=metric, test=scores.get(row.name, row.test)) for row in digits.variants]
    (said,) = sentences.distillations(replace(digits, variants=tuple(rows)))
    assert f": {verdict}" in said and "−0.097 °C" in said


def test_each_task_keeps_what_its_picture_needs() -> None:
    classify, regress = Task("classify", ("a", "b")), Task("regress", ("angle",), "°")
    reconstruct = Task("reconstruct", ("normal", "anomalous"))
    y, values = np.array([0, 1, 1]), np.array([[1.0], [2.0], [4.0]])
    assert judged(classify, [0, 1, 0], y) == Judged((1.0, 1.0, 0.0))
    assert judged(regress, [[1.5], [2.0], [3.0]], values) == Judged((0.5, 0.0, 1.0))
    assert judged(reconstruct, [0.1, 0.5, 0.4], y) == Judged((0.1, 0.5, 0.4), (0, 1, 1))
    table = confusion("m.tflite", classify, [0, 1, 0], y)
    assert table and table.counts == ((1, 0), (1, 1))
    drawn = scatter("m.tflite", regress, [[1.5], [2.0], [3.0]], values)
    assert drawn and (drawn.true, drawn.told) == (((1.0, 2.0, 4.0),), ((1.5, 2.0, 3.0),))
    assert confusion("m.tflite", regress, [[1.0]], values[:1]) is None and scatter("m", classify, [0], y[:1]) is None
