"""`compare`: which rows it trains, in which order, what it chooses by, and one whole comparison as a shell runs it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.benchmarks.commands.session import _baseline
from edgestill.benchmarks.comparison.candidates import comparison
from edgestill.benchmarks.comparison.session import _alone_first
from edgestill.benchmarks.plain import plain
from edgestill.benchmarks.report.derive import SHUFFLED
from edgestill.benchmarks.report.document import read_report
from edgestill.benchmarks.report.verdicts import control, since
from edgestill.benchmarks.tables.table import print_report
from edgestill.pipeline.artifact import Artifact, digest
from edgestill.pipeline.chain import chain
from edgestill.pipeline.distillation.shuffled import _of_others
from edgestill.pipeline.errors import BadInput, BadRecipe
from edgestill.pipeline.recipe import Recipe, read_recipe
from edgestill.pipeline.stages import name_of
from edgestill.pipeline.stages.shuffle_outputs import ShuffleOutputs

CASES = Path(__file__).parent / "cases"
SMALL, COMPARED = CASES / "small.toml", CASES / "compared.toml"


def rows(recipe: Recipe) -> list[str]:
    return [row.name for row in chain(recipe).variants]


def test_every_method_of_the_list_stands_alone_and_the_simplest_is_told_first() -> None:
    planned = comparison(read_recipe(COMPARED))
    assert planned.rows == ("student from scratch", "soft-targets", "logits", "distilled")
    methods = {table.name: vars(table.stage)["methods"] for table in planned.students.stages}
    assert methods["logits"] == ({"name": "logits", "weight": 0.5},)
    assert rows(planned.students) == ["teacher", *planned.rows]


def test_a_stage_of_one_method_is_not_told_twice() -> None:
    assert comparison(read_recipe(SMALL)).rows == ("student from scratch", "distilled")
    assert comparison(read_recipe(SMALL), ["soft-targets", "logits"]).rows[1:] == ("distilled", "logits")


def test_methods_that_a_user_names_stand_in_place_of_the_recipes() -> None:
    planned = comparison(read_recipe(COMPARED), ["logits"])
    assert planned.rows == ("student from scratch", "logits", "distilled")
    with pytest.raises(BadRecipe, match="no method is named 'logit'"):
        comparison(read_recipe(COMPARED), ["logit"])


def test_one_way_of_teaching_is_compared_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--methods names 'logits' twice"):
        comparison(read_recipe(COMPARED), ["logits", "soft-targets", "logits"])
    twice = tmp_path / "twice.toml"
    first, rest = COMPARED.read_text().split('[[stage]]\nstage = "quantize"')
    only = '[[stage]]\nstage = "distill"\nname = "alone"\nmethods = [{ name = "logits", weight = 0.5 }]\n'
    twice.write_text(f'{first.replace("[[stage]]", only + "[[stage]]", 1)}[[stage]]\nstage = "quantize"{rest}')
    assert comparison(read_recipe(twice)).rows == ("student from scratch", "alone", "soft-targets", "distilled")


def test_both_students_are_pruned_and_quantized_and_the_chosen_one_comes_last() -> None:
    planned = comparison(read_recipe(SMALL))
    assert rows(planned.finished("distilled", "distilled"))[3:] == [
        *("scratch + int8", "scratch + pruned", "scratch + pruned + int8"),
        *("distilled + int8", "distilled + pruned", "distilled + pruned + int8"),
    ]
    assert rows(planned.finished("student from scratch", "distilled"))[-1] == "scratch + pruned + int8"


def test_the_student_from_scratch_is_pruned_without_a_teacher() -> None:
    steps = {step.name: step for step in chain(comparison(read_recipe(SMALL)).finished("distilled", "distilled")).steps}
    assert set(steps["scratch + pruned"].inputs) == {"source", "data"}
    assert steps["distilled + pruned"].inputs["teacher"] == "teacher outputs"


def test_students_first_and_all_together_share_every_step() -> None:
    planned = comparison(read_recipe(SMALL), ["logits"], shuffled=True)
    before = chain(planned.students).steps
    after = {step.name: step for step in chain(planned.finished("distilled", "distilled")).steps}
    assert all(after[step.name] == step for step in before)


def test_students_from_scratch_are_trained_before_any_is_taught() -> None:
    steps = _alone_first(chain(comparison(read_recipe(COMPARED)).students).steps)
    kinds = [name_of(step.stage) for step in steps]
    assert len(steps) == len(set(steps_ := [step.name for step in steps])) and "scratch (seed 1) score" in steps_
    assert max(place for place, kind in enumerate(kinds) if kind == "train") < kinds.index("distill")
    made: set[str] = set()
    for step in steps:
        assert set(step.inputs.values()) <= made
        made.add(step.name)


def test_without_a_student_that_is_taught_there_is_nothing_to_name(tmp_path: Path) -> None:
    text = COMPARED.read_text()
    alone = tmp_path / "alone.toml"
    start, end = text.index('[[stage]]\nstage = "distill"'), text.index('[[stage]]\nstage = "quantize"')
    alone.write_text(text[:start] + text[end:])
    planned = comparison(read_recipe(alone))
    assert planned.rows == ("student from scratch",)
    assert rows(planned.finished("student from scratch", None))[-1] == "scratch + int8"
    with pytest.raises(BadRecipe, match="no \\[\\[stage\\]\\] distils the student"):
        comparison(read_recipe(alone), ["logits"])


TEACHERS = """
[[teacher]]
model = "ds-cnn"
options = { width = 16, depth = 1 }
epochs = 1
[[teacher]]
model = "residual"
options = { widths = [8, 16] }
epochs = 1
"""


@pytest.mark.parametrize("named", ["", 'teacher = "teacher 2"\nteacher_2 = "teacher"\n'])
def test_the_control_hears_nothing_true_of_any_teacher_and_begins_with_no_weights(named: str, tmp_path: Path) -> None:
    head, rest = SMALL.read_text().split("[teacher]")
    student = rest[rest.index("[student]") :].replace('"distill"', f'"distill"\ninitial = "channels"\n{named}', 1)
    (tmp_path / "two.toml").write_text(head + TEACHERS + student)
    recipe = read_recipe(tmp_path / "two.toml")
    made = chain(comparison(recipe, shuffled=True).students)
    steps = {step.name: step for step in made.steps}
    taught, control = steps["distill"], steps["shuffled teacher"]
    heard = [key for key in taught.inputs if key.startswith("teacher")]
    assert taught.inputs["weights"] == "teacher" and len(heard) == 2
    assert set(control.inputs) == {"data", *heard} and not vars(control.stage)["initial"]
    for key in heard:
        shuffled = steps[control.inputs[key]]
        assert name_of(shuffled.stage) == "shuffle-outputs" and shuffled.inputs["source"] == taught.inputs[key]


def test_students_without_a_teacher_have_no_control(tmp_path: Path) -> None:
    text = SMALL.read_text().replace('"distill"', '"distill"\nmethods = [{ name = "mutual" }]', 1)
    (tmp_path / "alone.toml").write_text(text)
    with pytest.raises(BadRecipe, match="its methods learn from no teacher, so there is none to shuffle"):
        comparison(read_recipe(tmp_path / "alone.toml"), shuffled=True)


def test_the_control_of_inputs_made_hears_what_was_said_of_them() -> None:
    steps = {step.name: step for step in chain(comparison(read_recipe("data-free"), shuffled=True).students).steps}
    control, taught = steps["shuffled teacher"], steps["distill"]
    assert steps[control.inputs["teacher"]].inputs["source"] == taught.inputs["teacher"]
    assert control.inputs["data"] == taught.inputs["data"] != "data"


@given(st.integers(2, 40), st.integers(0, 2**31))
def test_nobody_keeps_what_was_said_of_it(samples: int, seed: int) -> None:
    order = _of_others(samples, seed)
    assert sorted(order) == list(range(samples)) and (order != np.arange(samples)).all()
    assert (order == _of_others(samples, seed)).all()


def test_what_was_said_of_one_sample_cannot_be_shuffled() -> None:
    with pytest.raises(BadInput, match="there is no other"):
        _of_others(1, 0)


def test_the_control_tells_what_it_still_has(compared: Any) -> None:
    report = read_report(compared[0] / "out" / "report.json")
    assert "Control: a teacher with shuffled outputs brings " in str(control(report))
    made = {"options": {"methods": [{"name": "logits"}, {"name": "mutual"}], "initial": ""}}
    lineage = {**report.lineage, SHUFFLED: made, "begun": {"options": {"initial": "channels"}}}
    said = str(control(replace(report, lineage=lineage)))
    assert "shuffled outputs and no weights to begin with, beside mutual, which needs none, brings " in said


def test_shuffled_outputs_are_those_of_other_samples_layers_along(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    said = np.arange(2 * 50 * 3, dtype=np.float32).reshape(2, 50, 3)
    np.save(source / "logits.npy", said)
    np.save(source / "features_0.npy", said[..., :1])
    (source / "about.json").write_text("{}")
    for name in ("once", "again"):
        ShuffleOutputs(seed=3).write({"source": Artifact(source, "teacher-outputs", "")}, tmp_path / name)
    moved, layer = (np.load(tmp_path / "once" / f"{name}.npy") for name in ("logits", "features_0"))
    assert (moved[0] != said[0]).any(axis=1).all()
    assert sorted(moved[0, :, 0]) == sorted(said[0, :, 0])
    assert (layer[..., 0] == moved[..., 0]).all() and (moved[1] - moved[0] == 150).all()
    assert digest(tmp_path / "once") == digest(tmp_path / "again")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, edgestill: Callable[..., Any]) -> Any:
    folder = tmp_path_factory.mktemp("compared")
    arguments = ["compare", str(COMPARED), "--methods", "logits", "--shuffled-teacher", "--out", str(folder / "out")]
    ended = edgestill(arguments, folder / "store")
    assert ended.returncode == 0, ended.stderr
    return folder, arguments, ended


def test_a_comparison_tells_of_every_row_and_why_it_chose(compared: Any) -> None:
    folder, _, ended = compared
    document = json.loads((folder / "out" / "report.json").read_text())
    names = [row["name"] for row in document["variants"]]
    assert names[:5] == ["teacher", "student from scratch", "logits", "distilled", "shuffled teacher"]
    assert len(names) == 7 and all(name.endswith(" + int8") for name in names[5:])
    choice = document["derived"]["choice"]
    assert choice["chosen"] in choice["candidates"] == ["student from scratch", "logits", "distilled"]
    for row in document["variants"][1:]:
        assert len(row["validation"]) == len(row["test"]) == len(row["reliability"]) == len(row["agreement"]) == 2
        assert all(seconds > 0 for seconds in row["seconds"])
    assert "Chosen on validation (of 3, 2 seeds)" in ended.stdout and "Control: " in ended.stdout
    assert document["command"] == "edgestill compare compared.toml --seeds 2 --methods logits --shuffled-teacher"


def test_what_is_derived_of_a_comparison_can_be_made_again(compared: Any) -> None:
    path = compared[0] / "out" / "report.json"
    report = read_report(path)
    assert json.loads(path.read_text())["derived"] == plain(report.derived)
    assert report.derived.choice and report.derived.pareto


def test_the_page_of_a_comparison_shows_differences_and_confidence(compared: Any) -> None:
    text = (compared[0] / "out" / "report.html").read_text()
    assert 'id="teaching"' in text and 'id="confidence"' in text and "chosen" in text


def test_the_second_comparison_makes_nothing_and_the_first_is_its_baseline(
    compared: Any, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    folder, arguments, _ = compared
    before = tmp_path / "before.json"
    shutil.copyfile(folder / "out" / "report.json", before)
    again = edgestill([*arguments, "--baseline", str(before)], folder / "store")
    assert again.returncode == 0 and "✓" not in again.stderr
    since = json.loads((folder / "out" / "report.json").read_text())["derived"]["since"]
    assert len(since) == 7 and all(one["test"]["estimate"] == 0 and not one["bytes"] for one in since)
    assert "Against compared of " in again.stdout


def test_a_baseline_of_another_split_is_told_and_its_scores_are_not_compared(compared: Any) -> None:
    report = read_report(compared[0] / "out" / "report.json")
    moved = {**report.lineage, "scratch": {"inputs": {"data": "0" * 64}}}
    same, other = (_baseline(replace(report, lineage=lineage), report) for lineage in (report.lineage, moved))
    assert not any("scores on test are not compared" in said for said in since(replace(report, baseline=same)))
    *changes, last = since(replace(report, baseline=other))
    assert last == "The baseline is of other samples of digits: scores on test are not compared with it."
    assert changes and not any("on test" in said for said in changes)


def test_a_baseline_that_is_none_is_refused_before_any_work(
    compared: Any, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "b.json").write_text("{}")
    ended = edgestill([*compared[1], "--baseline", str(tmp_path / "b.json")], tmp_path / "store")
    assert ended.returncode == 2 and "schema" in ended.stderr


def test_a_narrow_terminal_shows_a_whole_comparison(compared: Any) -> None:
    from io import StringIO

    from rich.console import Console

    seen = StringIO()
    print_report(read_report(compared[0] / "out" / "report.json"), Path("out"), Console(file=seen, width=80))
    assert "chosen" in seen.getvalue() and max(map(len, seen.getvalue().splitlines()[:11])) <= 80
