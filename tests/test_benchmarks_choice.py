"""The choice among ways of teaching: made on validation, and for the simpler one where noise does not tell."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.benchmarks.page.confidence import together
from edgestill.benchmarks.report.agreement import Answered, agreement
from edgestill.benchmarks.report.baseline import Baseline, changes_since, same_samples, slim
from edgestill.benchmarks.report.choice import choose
from edgestill.benchmarks.report.derive import SCRATCH, SHUFFLED, derive
from edgestill.benchmarks.report.document import read_report
from edgestill.benchmarks.report.forewarning import learned_nothing, weaker
from edgestill.benchmarks.report.pareto import front
from edgestill.benchmarks.report.reliability import BINS, Reliability, reliability
from edgestill.benchmarks.report.variant import Variant
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.stages.train import Train
from edgestill.pipeline.task import ACCURACY, Metric, Task

REPORT = Path(__file__).parent / "cases" / "report.json"
TASK = Task("classify", ("a", "b", "c"))
ERROR = Metric("mean absolute error", "°C", "lower")


def row(name: str, validation: list[float], test: list[float] | None = None, metric: Metric = ACCURACY) -> Variant:
    seeds = tuple(range(len(validation)))
    return Variant(name, metric, seeds, tuple(validation), tuple(test or validation), 10, 10, ())


def test_the_best_on_validation_is_chosen_where_it_stands_out() -> None:
    found = choose([row("scratch", [90.0, 90.2, 90.1]), row("taught", [92.0, 92.3, 92.1])])
    assert found and (found.best, found.chosen, found.within_noise) == ("taught", "taught", False)
    assert found.over_scratch and found.over_scratch.low and found.over_scratch.low > 1.5


def test_the_simpler_one_is_chosen_where_noise_does_not_tell() -> None:
    found = choose([row("scratch", [90.0, 91.0, 92.0]), row("taught", [92.0, 90.5, 91.5])])
    assert found and (found.best, found.chosen) == ("taught", "scratch") and found.within_noise
    assert found.over_scratch is None and found.best_over_chosen


def test_a_middle_candidate_is_chosen_where_it_beats_scratch_and_the_best_does_not_beat_it() -> None:
    rows = [row("scratch", [90.0, 90.1, 90.2]), row("plain", [92.0, 92.1, 92.2]), row("more", [92.3, 91.9, 92.4])]
    found = choose(rows)
    assert found and (found.best, found.chosen) == ("more", "plain")


def test_test_scores_choose_nothing() -> None:
    validation = ([90.0, 90.1, 90.2], [92.0, 92.1, 92.3])
    kind, cruel = (
        choose([row("scratch", validation[0], test), row("taught", validation[1], list(reversed(test)))])
        for test in ([99.0, 98.0, 97.0], [1.0, 2.0, 3.0])
    )
    assert kind == cruel


def test_a_candidate_is_held_to_the_student_alone_wherever_their_rows_stand() -> None:
    teacher, taught, alone = row("teacher", [99.0, 99.0]), row("distilled", [92.0, 93.0]), row(SCRATCH, [91.0, 91.5])
    control = row(SHUFFLED, [41.0, 41.5])
    for rows in ([teacher, taught, control, alone], [teacher, alone, taught, control]):
        scores = derive(rows, [], [SCRATCH, "distilled"]).scores
        over = {one.variant: one.over_scratch.estimate if one.over_scratch else None for one in scores}
        assert over == {"teacher": None, SCRATCH: None, "distilled": 1.25, SHUFFLED: -50.0}


@pytest.mark.parametrize("worth", [[20.0] * 5, [20.0, 20.01, 20.02, 20.0, 20.0]])
def test_a_gain_that_is_the_same_in_every_seed_is_no_weaker_than_one_that_varies(worth: list[float]) -> None:
    alone = [70.0, 71.0, 70.5, 69.5, 70.0]
    found = choose([row("scratch", alone), row("taught", [a + b for a, b in zip(alone, worth, strict=True)])])
    assert found and found.chosen == "taught"
    found = choose([row("scratch", alone), row("taught", [a - b for a, b in zip(alone, worth, strict=True)])])
    assert found and found.chosen == "scratch"
    found = choose([row("scratch", alone), row("taught", list(alone))])
    assert found and found.chosen == "scratch" and not found.within_noise


def test_one_seed_chooses_the_simplest() -> None:
    found = choose([row("scratch", [90.0]), row("taught", [95.0])])
    assert found and found.chosen == "scratch" and found.within_noise


def test_less_error_is_better() -> None:
    rows = [row("scratch", [3.0, 3.1, 3.2], metric=ERROR), row("taught", [1.0, 1.1, 1.3], metric=ERROR)]
    found = choose(rows)
    assert found and found.chosen == "taught"


def test_unlike_seeds_are_not_compared() -> None:
    assert choose([row("scratch", [90.0, 90.1]), row("taught", [92.0])]) is None
    assert choose([row("scratch", [90.0, 90.1])]) is None


def test_confidence_that_is_as_often_right_as_it_says_has_no_error() -> None:
    draw = np.random.default_rng(0)
    sure = draw.uniform(0.4, 1.0, 200_000)
    right = draw.random(len(sure)) < sure
    logits = np.log(np.stack([sure, 1 - sure], axis=1).clip(1e-9)).astype(np.float32)
    top = logits.argmax(axis=1)
    felt = np.exp(logits.max(axis=1))
    right = draw.random(len(felt)) < felt
    found = reliability(logits, np.where(right, top, 1 - top))
    assert found.error < 0.01 and abs(found.surer) < 0.01


def test_a_model_that_is_always_sure_and_mostly_wrong_has_the_error_it_deserves() -> None:
    logits = np.tile(np.asarray([50, 0, 0, 0], np.float32), (1000, 1))
    found = reliability(logits, np.arange(1000) % 4)
    assert found.error == pytest.approx(0.75) and found.surer == pytest.approx(0.75)
    assert found.counts[-1] == 1000 and found.right[-1] == 250


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.floats(0.1, 30))
def test_every_sample_is_in_one_bin_and_the_error_is_a_share(seed: int, samples: int, scale: float) -> None:
    draw = np.random.default_rng(seed)
    logits = (scale * draw.standard_normal((samples, 3))).astype(np.float32)
    found = reliability(logits, draw.integers(0, 3, samples))
    assert sum(found.counts) == samples and len(found.counts) == BINS
    assert all(right <= count for right, count in zip(found.right, found.counts, strict=True))
    assert 0 <= abs(found.surer) <= found.error + 1e-9 <= 1 + 1e-9
    assert all(place / BINS - 1e-6 <= mean <= (place + 1) / BINS + 1e-6 for place, mean in _filled(found))
    assert together([found, found]).error == pytest.approx(found.error)


def _filled(found: Reliability) -> list[tuple[int, float]]:
    return [(place, mean) for place, mean in enumerate(found.confidence) if found.counts[place]]


def answered(logits: list[list[float]]) -> Answered:
    values = np.asarray(logits, np.float32)
    return Answered(values.argmax(axis=1), values)


def test_a_student_that_says_what_its_teacher_says_agrees_wholly() -> None:
    teacher = answered([[3, 1, 0], [0, 2, 1]])
    moved = answered([[4, 2, 1], [1, 3, 2]])  # the same probabilities
    found = agreement(TASK, teacher, moved)
    assert found and found.same == 1 and found.divergence == pytest.approx(0, abs=1e-6)


def test_divergence_is_that_of_kullback_and_leibler_from_the_teacher() -> None:
    teacher, student = answered([[math.log(0.8), math.log(0.2)]]), answered([[math.log(0.5), math.log(0.5)]])
    found = agreement(TASK, teacher, student)
    assert found and found.divergence == pytest.approx(0.8 * math.log(1.6) + 0.2 * math.log(0.4), abs=1e-5)


def test_values_agree_by_their_distance_and_reconstructions_not_at_all() -> None:
    values = [Answered(np.asarray(said, np.float64)[:, None], None) for said in ([1.0, 2.0], [1.5, 1.5])]
    found = agreement(Task("regress", ("t",), "°C"), values[0], values[1])
    assert found and found.distance == 0.5 and found.same is None
    assert agreement(Task("reconstruct", ()), values[0], values[1]) is None


def test_rows_that_another_beats_in_everything_are_not_in_front() -> None:
    digits = read_report(REPORT)
    names = front(digits.variants, digits.results)
    assert "+ int8" in names or "+ pruned" in names
    assert set(names) <= {one.name for one in digits.variants}


def test_a_report_against_itself_has_not_changed() -> None:
    digits = read_report(REPORT)
    baseline = Baseline(digits.recipe, digits.data, digits.created, tuple(map(slim, digits.variants)), (), True)
    found = list(changes_since(baseline, digits.variants, digits.results))
    assert [one.variant for one in found] == [one.name for one in digits.variants]
    assert all(one.test and one.test.estimate == 0 and one.bytes == 0 and one.p50_us is None for one in found)


def test_only_rows_that_both_have_are_held_against_each_other() -> None:
    now, then = row("taught", [90.0, 91.0]), row("taught", [89.0, 90.0, 70.0])
    baseline = Baseline("r", "d", "c", (then, row("gone", [1.0])), same_samples=True)
    (found,) = changes_since(baseline, (now, row("new", [2.0, 3.0])), ())
    assert found.variant == "taught" and found.seeds == 2 and found.test and found.test.estimate == 1


def test_scores_on_other_samples_are_not_held_against_each_other() -> None:
    data = [{"scratch": {"inputs": {"data": sha}}} for sha in ("a" * 64, "b" * 64)]
    assert same_samples(data[0], data[0]) and not same_samples(*data) and not same_samples({}, {})
    then = row("taught", [89.0, 90.0])
    (found,) = changes_since(Baseline("r", "d", "c", (then,)), (row("taught", [90.0, 91.0]),), ())
    assert found.test is None and found.seeds == 0


def test_a_student_that_learned_nothing_is_told_of_with_its_steps() -> None:
    digits, student = read_data("digits", seed=0), Train(model="ds-cnn", epochs=2, batch=500)
    told = learned_nothing([10.0, 9.0], digits, student)
    assert told and "9.5 % on validation after 4 steps, no better than the 10.1 % of a guess" in told
    assert learned_nothing([60.0], digits, student) is None and learned_nothing([], digits, student) is None


def test_a_teacher_weaker_than_students_alone_is_warned_of_and_a_better_one_is_not() -> None:
    digits = read_data("digits", seed=0)
    said = weaker(90.0, [95.0, 96.0], digits)
    assert said and "the teacher (90.0 %) is weaker on validation than the student alone (95.5 %, 2 seeds)" in said
    assert weaker(97.0, [95.0, 96.0], digits) is None
    assert weaker(90.0, [], digits) is None
