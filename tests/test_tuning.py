"""`tune`: what it searches, that it repeats and resumes, that it never looks at test, and the recipe it leaves."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.benchmarks.tuning.page import page
from edgestill.benchmarks.tuning.recipe_file import toml, write_recipe
from edgestill.benchmarks.tuning.settings import ranges, rounded, with_settings
from edgestill.benchmarks.tuning.table import words
from edgestill.benchmarks.tuning.trial import Setting, Trial, ends, leading_to
from edgestill.benchmarks.tuning.tuned import Tuned
from edgestill.pipeline.chain import chain
from edgestill.pipeline.errors import BadRecipe
from edgestill.pipeline.recipe import Recipe, read_recipe
from edgestill.pipeline.task import ACCURACY
from edgestill.tests.wanted import want

CASES = Path(__file__).parent / "cases"
SMALL, COMPARED = CASES / "small.toml", CASES / "compared.toml"


def changed(tmp_path: Path, more: str) -> Recipe:
    path = tmp_path / "changed.toml"
    path.write_text(f"{COMPARED.read_text()}\n{more}\n")
    return read_recipe(path)


def test_temperature_alpha_and_the_weights_of_several_methods_are_searched() -> None:
    found = {one.name: (one.low, one.high, one.log, one.own) for one in ranges(read_recipe(COMPARED))}
    assert found == {
        "temperature": (1, 20, True, 4),
        "alpha": (0.1, 1, False, 0.9),
        "weight of soft-targets": (0.1, 10, True, 1),
        "weight of logits": (0.05, 5, True, 0.5),
    }
    assert [one.name for one in ranges(read_recipe(SMALL))] == ["temperature", "alpha"]


def test_a_recipe_says_what_is_searched(tmp_path: Path) -> None:
    table = "[tune]\ntemperature = [2, 8]\nalpha = []\nweights = { logits = [0.01, 1] }"
    found = {one.name: (one.low, one.high) for one in ranges(changed(tmp_path, table))}
    assert found["temperature"] == (2, 8) and "alpha" not in found and found["weight of logits"] == (0.01, 1)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("temperature = [8, 2]", r"\[tune\]: temperature is \[8.0, 2.0\]; it must be a low and a high number"),
        ("alpha = [0.5, 2.0]", r"\[tune\]: alpha is \[0.5, 2.0\]"),
        ('weights = { logits = "many" }', r"\[tune\]: weights: logits is 'many'"),
        ("weights = { hints = [1, 2] }", "the stage has no method 'hints'; there are logits, soft-targets"),
        ('stage = "distil"', "no stage that distils is named 'distil'; there are distill"),
        ("tempreature = [1, 2]", "no key is named 'tempreature'"),
    ],
)
def test_a_wrong_search_is_refused_by_its_key(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(BadRecipe, match=said):
        ranges(changed(tmp_path, f"[tune]\n{table}"))


def test_nothing_that_a_trial_needs_looks_at_test() -> None:
    recipe = read_recipe(COMPARED)
    students = ends(recipe)
    steps = leading_to(chain(with_settings(recipe, {"temperature": 2.0})).steps, students)
    assert {step.stage.gives for step in steps} == {"dataset", "checkpoint", "teacher-outputs"}
    assert [step.name for step in steps if step.name in students] == ["distill", "distill (seed 1)"]


def test_the_best_recipe_reads_as_the_trial_was_made(tmp_path: Path) -> None:
    recipe = read_recipe(COMPARED)
    settings = rounded({"temperature": 3.14159265, "alpha": 0.123456, "weight of logits": 0.0777777})
    write_recipe(recipe, settings, "the best", tmp_path / "best.toml")
    written, made = read_recipe(tmp_path / "best.toml"), with_settings(recipe, settings)
    assert [table.stage for table in written.stages] == [table.stage for table in made.stages]
    assert (written.teachers, written.student, written.seeds) == (recipe.teachers, recipe.student, recipe.seeds)


plain = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
values = st.recursive(
    plain | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@given(st.dictionaries(texts, values | st.dictionaries(texts, values, max_size=4), max_size=5))
def test_any_recipe_survives_being_written(whole: dict[str, Any]) -> None:
    assert tomllib.loads(toml(whole)) == whole


def tuned(*scores: tuple[float, ...]) -> Tuned:
    own, *others = (
        Trial(number, (Setting("alpha", 0.5 + number / 100),), each, (1.0,) * len(each))
        for number, each in enumerate(scores)
    )
    space = tuple(one for one in ranges(read_recipe(SMALL)) if one.name == "alpha")
    return Tuned("r", "0" * 64, "d", "edgestill tune r", ACCURACY, len(scores[0]), space, own, tuple(others))


def test_a_best_trial_within_noise_is_warned_of() -> None:
    found = tuned((90.0, 91.0, 92.0), (92.0, 90.5, 92.5), (80.0, 81.0, 80.5))
    assert found.best.number == 1 and found.within_noise
    assert [text for kind, text in words(found) if kind == "warning"] == [
        "within noise of the recipe's own settings: more seeds tell more (--seeds)"
    ]


def test_a_best_trial_that_stands_out_is_not() -> None:
    found = tuned((90.0, 91.0, 92.0), (93.0, 94.1, 95.0))
    assert found.over_own and found.over_own.low and found.over_own.low > 2 and not found.within_noise
    assert [kind for kind, _ in words(found)] == ["fact"] * 3


def test_where_nothing_is_better_the_recipe_stays() -> None:
    found = tuned((90.0, 91.0), (90.0, 91.0), (80.0, 81.0))
    assert found.best is found.own and "the recipe's own settings" in next(words(found))[1]


def test_a_trial_that_failed_is_told_and_never_the_best() -> None:
    found = tuned((90.0, 91.0), (80.0, 81.0))
    broken = Trial(2, (Setting("alpha", 0.9),), error="training: the loss is nan at step 3 <b>")
    found = Tuned(**{**vars(found), "trials": (*found.trials, broken)})
    assert "1 trial failed, trial 2: training: the loss is nan" in [text for _, text in words(found)][-1]
    assert "<b>" not in page(found).split("<main>")[1].split("<script")[0]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, edgestill: Callable[..., Any]) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    ended = edgestill(["tune", str(COMPARED), "--trials", "4", "--out", str(folder / "out")], folder / "store")
    assert ended.returncode == 0, ended.stderr
    assert "Best on validation (of 4 trials, 2 seeds each)" in ended.stdout
    return folder


def trials(out: Path) -> list[Any]:
    return [(one["number"], one["settings"], one["validation"]) for one in read(out)["trials"]]


def read(out: Path) -> Any:
    return json.loads((out / "tuned.json").read_text())


def test_a_search_leaves_a_recipe_a_table_and_a_page(searched: Path) -> None:
    document = read(searched / "out")
    assert [one["number"] for one in document["trials"]] == [1, 2, 3, 4]
    best = next(one for one in (document["own"], *document["trials"]) if one["number"] == document["derived"]["best"])
    settings = {one["name"]: one["value"] for one in best["settings"]}
    stage: Any = read_recipe(searched / "out" / "best.toml").stages[0].stage
    assert stage.temperature == settings["temperature"] and stage.alpha == settings["alpha"]
    text = (searched / "out" / "tuned.html").read_text()
    assert 'id="temperature"' in text and 'id="trials"' in text and text.count("plotly.js v") == 1


def test_the_same_search_again_trains_nothing_and_says_the_same(
    searched: Path, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    before = (searched / "out" / "tuned.json").read_bytes()
    arguments = ["tune", str(COMPARED), "--trials", "4", "--out"]
    again = edgestill([*arguments, str(searched / "out")], searched / "store")
    assert again.returncode == 0 and (searched / "out" / "tuned.json").read_bytes() == before
    elsewhere = edgestill([*arguments, str(tmp_path / "out")], searched / "store")
    assert elsewhere.returncode == 0 and trials(tmp_path / "out") == trials(searched / "out")


def test_more_trials_go_on_from_there_in_processes_beside_each_other(
    searched: Path, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    shutil.copytree(searched / "out", tmp_path / "out")
    more = ["tune", str(COMPARED), "--trials", "6", "--jobs", "2", "--out", str(tmp_path / "out")]
    ended = edgestill(more, searched / "store")
    assert ended.returncode == 0, ended.stderr
    assert trials(tmp_path / "out")[:4] == trials(searched / "out") and len(trials(tmp_path / "out")) == 6


def test_a_search_killed_in_the_middle_ends_as_if_it_had_not_been(searched: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "edgestill", "tune", str(COMPARED), "--trials", "4", "--out", str(out)]
    variables = {**os.environ, "EDGESTILL_STORE": str(tmp_path / "store")}
    killed = subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    journal = out / "trials.journal"
    while killed.poll() is None and (not journal.exists() or '"state":1' not in journal.read_text()):
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (out / "tuned.json").exists()
    subprocess.run(command, env=variables, check=True, capture_output=True)
    assert trials(out) == trials(searched / "out")


def test_trials_of_another_recipe_are_not_mixed_in(searched: Path, edgestill: Callable[..., Any]) -> None:
    arguments = ["tune", str(COMPARED), "--trials", "4", "--seeds", "3", "--out", str(searched / "out")]
    ended = edgestill(arguments, searched / "store")
    assert ended.returncode == 2 and "is of other seeds, so" in ended.stderr


def test_numbers_that_make_no_search_are_refused(edgestill: Callable[..., Any], tmp_path: Path) -> None:
    ended = edgestill(["tune", str(COMPARED), "--trials", "0"], tmp_path / "store")
    assert ended.returncode == 2 and "--trials is 0; it must be 1 to 10000" in ended.stderr


@pytest.mark.nightly
def test_a_local_ray_finds_the_same_trials(searched: Path, edgestill: Callable[..., Any], tmp_path: Path) -> None:
    want(find_spec("ray") is not None, "ray", "Ray is missing; pip install 'edgestill[ray]'")
    more = ["tune", str(COMPARED), "--trials", "4", "--ray", "local", "--out", str(tmp_path / "out")]
    ended = edgestill(more, searched / "store")
    assert ended.returncode == 0, ended.stderr
    assert trials(tmp_path / "out") == trials(searched / "out")


OWN = """
seeds = 2
exports = ["onnx"]
[data]
name = "npz"
file = "d.npz"
calibration = 20
[training]
views = 1
batch = 16
epochs = 1
[teacher]
model = "net:factory"
export = false
[student]
model = "ds-cnn"
options = { width = 8, depth = 1 }
[[stage]]
stage = "distill"
[measure]
runs = 5
warmup = 1
seconds = 0.05
"""
NET = """
from torch import nn
def factory(input_shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(int(input_shape[0] * input_shape[1] * input_shape[2]), outputs))
"""


def own_data(folder: Path, seed: int) -> None:
    drawn = np.random.default_rng(seed)
    np.savez(folder / "d.npz", x=drawn.normal(size=(120, 8, 8, 1)).astype(np.float32), y=drawn.integers(0, 3, 120))


@pytest.fixture(scope="module")
def of_own_files(tmp_path_factory: pytest.TempPathFactory, edgestill: Callable[..., Any]) -> Path:
    """A folder with a space whose recipe names data and a net that lie beside it, and a search of two trials."""
    folder = tmp_path_factory.mktemp("own files")
    (folder / "own.toml").write_text(OWN)
    (folder / "net.py").write_text(NET)
    own_data(folder, 0)
    ended = edgestill(searching(folder, 2), folder / "store")
    assert ended.returncode == 0, ended.stderr
    return folder


def searching(folder: Path, trials: int) -> list[str]:
    return ["tune", str(folder / "own.toml"), "--trials", str(trials), "--out", str(folder / "runs" / "tuned")]


def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "own files"))


def test_trials_of_other_data_are_not_mixed_in(
    of_own_files: Path, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    folder = copied(of_own_files, tmp_path)
    own_data(folder, 1)
    ended = edgestill(searching(folder, 3), folder / "store")
    assert ended.returncode == 2 and "its trials.journal is of other data, so" in ended.stderr
    assert trials(folder / "runs" / "tuned") == trials(of_own_files / "runs" / "tuned")


def test_trials_of_another_net_of_ones_own_are_not_mixed_in(
    of_own_files: Path, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    folder = copied(of_own_files, tmp_path)
    (folder / "net.py").write_text(NET.replace("nn.Flatten(), ", "nn.Flatten(), nn.Dropout(0.5), "))
    ended = edgestill(searching(folder, 3), folder / "store")
    assert ended.returncode == 2 and "its trials.journal is of other modules, so" in ended.stderr


def test_the_best_recipe_runs_from_where_it_lies(of_own_files: Path, edgestill: Callable[..., Any]) -> None:
    best = of_own_files / "runs" / "tuned" / "best.toml"
    assert read_recipe(best).folder == of_own_files.resolve()
    ended = edgestill(["run", str(best), "--out", str(of_own_files / "best")], of_own_files / "store")
    assert ended.returncode == 0, ended.stderr
    assert (of_own_files / "best" / "report.json").is_file()


def test_a_best_recipe_found_through_a_link_names_the_same_files(of_own_files: Path, tmp_path: Path) -> None:
    (tmp_path / "there" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "there" / "deep")
    write_recipe(read_recipe(of_own_files / "own.toml"), {}, "linked", tmp_path / "link" / "best.toml")
    assert read_recipe(tmp_path / "link" / "best.toml").folder == of_own_files.resolve()
    assert read_recipe(tmp_path / "there" / "deep" / "best.toml").folder == of_own_files.resolve()


def test_another_line_of_comment_is_the_same_search(
    of_own_files: Path, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    folder = copied(of_own_files, tmp_path)
    (folder / "own.toml").write_text(f"# mine\n{OWN}")
    ended = edgestill(searching(folder, 2), folder / "store")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(("line", "shown"), [('{"op_code": 99}', "op_code"), ("hello", "'hello'"), ("[1]", "'[1]'")])
def test_a_damaged_line_of_the_journal_is_told_by_its_number(
    searched: Path, edgestill: Callable[..., Any], tmp_path: Path, line: str, shown: str
) -> None:
    out = Path(shutil.copytree(searched / "out", tmp_path / "out"))
    journal = out / "trials.journal"
    count = len(journal.read_text().splitlines())
    journal.write_text(f"{journal.read_text()}{line}\n")
    ended = edgestill(["tune", str(COMPARED), "--trials", "4", "--out", str(out)], searched / "store")
    assert ended.returncode == 2 and f"trials.journal: line {count + 1} is damaged: " in ended.stderr
    assert shown in ended.stderr and "take the file away" in ended.stderr


def test_a_journal_whose_lines_do_not_fit_together_is_told(
    searched: Path, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    out = Path(shutil.copytree(searched / "out", tmp_path / "out"))
    journal = out / "trials.journal"
    journal.write_text("".join(line for line in journal.read_text().splitlines(True) if '"number"' not in line))
    ended = edgestill(["tune", str(COMPARED), "--trials", "4", "--out", str(out)], searched / "store")
    assert ended.returncode == 2 and "trials.journal: its lines do not fit together" in ended.stderr


@pytest.mark.parametrize(
    "edited",
    [
        lambda line: re.sub(r'"validation":\[[^]]*\]', '"validation":[99.0,99.0]', line),
        lambda line: re.sub(r'"values":\[[^]]*\]', '"values":[99.0]', line),
        lambda line: re.sub(r'"(validation|values)":\[[^]]*\]', r'"\1":[101.0]', line),
    ],
)
def test_scores_in_the_journal_that_no_training_gave_are_told(
    searched: Path, edgestill: Callable[..., Any], tmp_path: Path, edited: Callable[[str], str]
) -> None:
    out = Path(shutil.copytree(searched / "out", tmp_path / "out"))
    journal = out / "trials.journal"
    journal.write_text(edited(journal.read_text()))
    ended = edgestill(["tune", str(COMPARED), "--trials", "4", "--out", str(out)], searched / "store")
    assert ended.returncode == 2 and "its training did not say so" in ended.stderr, ended.stderr


def test_a_search_killed_while_it_noted_a_failed_trial_makes_that_one_again(
    searched: Path, edgestill: Callable[..., Any], tmp_path: Path
) -> None:
    out = Path(shutil.copytree(searched / "out", tmp_path / "out"))
    journal = out / "trials.journal"
    lines = journal.read_text().splitlines(True)
    last = next(place for place, line in reversed([*enumerate(lines)]) if '"op_code":4' in line)
    begun = [line for line in lines[last:] if '"op_code":6' not in line and '"number"' not in line]
    written = "".join([*lines[:last], *begun]).replace('{"error":null}', '{"error":"the loss is nan"}')
    journal.write_text(written)
    ended = edgestill(["tune", str(COMPARED), "--trials", "4", "--out", str(out)], searched / "store")
    assert ended.returncode == 0, ended.stderr
    assert trials(out) == trials(searched / "out")
