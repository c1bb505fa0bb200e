"""Recordings in windows: the watch's split by person, CSV files split by file or group, and no window in two splits."""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.dataset import DataSet
from edgestill.pipeline.data.duplicates import shared
from edgestill.pipeline.data.only_arrays import read_pickled
from edgestill.pipeline.data.windows import Recording, by_group, windowed, windows
from edgestill.pipeline.errors import BadData, BadInput, BadRecipe
from edgestill.pipeline.stages.prepare_data import PrepareData


@pytest.fixture(scope="module")
def watch() -> DataSet:
    return read_data("watch", seed=0)


def test_the_watch_is_split_by_person(watch: DataSet) -> None:
    assert len(watch.test) == 1484 and len(watch.train) + len(watch.validation) == 3193
    assert watch.train.x.shape[1:] == (1, 100, 6) and watch.train.x.dtype == np.float32
    for name in ("train", "validation", "test"):
        assert len(np.unique(watch.split(name).y)) == 7
    assert not list(shared(watch))


def test_another_seed_holds_out_another_person_and_never_touches_test(watch: DataSet) -> None:
    held_out = {read_data("watch", seed=seed).validation.x.tobytes() for seed in range(4)}
    assert len(held_out) > 1
    assert np.array_equal(read_data("watch", seed=1).test.x, watch.test.x)


def test_no_sample_of_a_person_who_is_tested_is_trained_on(watch: DataSet) -> None:
    seen = {sample.tobytes() for sample in np.asarray(watch.train.x).reshape(-1, 6)[::7]}
    tested = {sample.tobytes() for sample in np.asarray(watch.test.x).reshape(-1, 6)}
    assert not seen & tested


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 20))
def test_windows_begin_every_step_and_are_whole(steps: int, length: int, step: int) -> None:
    x = np.arange(2 * steps).reshape(steps, 2)
    cut = windows(x, length, step)
    assert len(cut) == max(0, (steps - length) // step + 1)
    for number, window in enumerate(cut):
        assert np.array_equal(window, x[number * step : number * step + length])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=3, max_size=40), st.integers(0, 50))
def test_no_group_is_in_two_splits(said: list[tuple[int, int]], seed: int) -> None:
    recordings = [Recording(np.zeros((5, 1), np.float32), label, str(group)) for label, group in said]
    try:
        parts = by_group(recordings, {}, {"test": 0.2, "validation": 0.2}, seed)
    except BadData as error:
        assert "groups, and none is left for" in str(error)
        return
    groups = [{one.group for one in part} for part in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == len({group for _, group in said})
    assert sum(len(part) for part in parts.values()) == len(recordings) and all(parts.values())


def test_windows_lie_in_a_row_as_a_net_takes_them() -> None:
    split = windowed([Recording(np.ones((10, 3), np.float32), 1, "a", "a.csv")], 4, 2)
    assert split.x.shape == (4, 1, 4, 3) and split.y.tolist() == [1] * 4 and split.files == ("a.csv",) * 4


class Trap:
    """What a hostile pickle would run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_that_holds_more_than_arrays_runs_nothing(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.array({"X": Trap(tmp_path / "ran")}, object), allow_pickle=True)
    with pytest.raises(BadData, match="it names .*which is no array"):
        read_pickled(file.getvalue(), "watch.npy")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(BadData, match="watch.npy: cannot be read as arrays"):
        read_pickled(pickle.dumps(Trap(tmp_path / "ran")), "watch.npy")


def test_arrays_and_plain_values_come_out_as_they_went_in() -> None:
    file = io.BytesIO()
    np.save(file, np.array({"X": [np.arange(3.0)], "labels": ["a"]}, object), allow_pickle=True)
    found = read_pickled(file.getvalue(), "some.npy")
    assert found["labels"] == ["a"] and np.array_equal(found["X"][0], np.arange(3.0))


def rows(label: str, person: str, count: int = 40, seed: int = 0) -> str:
    values = np.random.default_rng([seed, len(label), ord(person[-1])]).normal(size=(count, 2))
    return "".join(f"{index},{a:.4f},{b:.4f},{label},{person}\n" for index, (a, b) in enumerate(values))


HEADER = "time,ax, ay ,activity,person\n"
COLUMNS = {"columns": ["ay", "ax"], "window": 10}


@pytest.fixture
def one_file(tmp_path: Path) -> str:
    """One CSV of four people who walk and rest."""
    body = "".join(rows(label, f"p{person}", seed=person) for person in range(4) for label in ("walk", "rest"))
    (tmp_path / "all.csv").write_text(HEADER + body)
    return str(tmp_path / "all.csv")


def test_columns_are_channels_in_the_order_in_which_they_are_named(one_file: str) -> None:
    options = {**COLUMNS, "folder": one_file, "label": "activity", "group": "person", "test": 0.25, "validation": 0.25}
    data = read_data("csv", 0, options)
    assert data.about.task.labels == ("rest", "walk")
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [28, 14, 14]  # 7 windows a recording
    first = np.loadtxt(one_file, delimiter=",", skiprows=1, usecols=(2, 1), max_rows=10, dtype=np.float32)
    assert any(
        np.array_equal(window[0], first) for name in ("train", "validation", "test") for window in data.split(name).x
    )


def test_the_people_of_the_test_split_can_be_named(one_file: str) -> None:
    options = {**COLUMNS, "folder": one_file, "label": "activity", "group": "person"}
    named = read_data("csv", 0, {**options, "test_groups": ["p0", "p3"], "validation_groups": ["p1"]})
    assert [len(named.split(name)) for name in ("train", "validation", "test")] == [14, 14, 28]
    with pytest.raises(BadData, match="no group is called 'p9'; there are p0, p1, p2, p3"):
        read_data("csv", 0, {**options, "test_groups": ["p9"]})
    with pytest.raises(BadData, match="there are 4 groups, and none is left for train"):
        read_data("csv", 0, {**options, "test_groups": ["p0", "p3"], "validation_groups": ["p1", "p2"]})


def test_a_file_a_recording_in_its_class_s_folder(tmp_path: Path) -> None:
    for label in ("walk", "rest"):
        (tmp_path / "own" / label).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "own" / label / f"{number}.csv").write_text(HEADER + rows("-", f"p{number}", seed=len(label)))
    data = read_data("csv", 0, {**COLUMNS, "folder": str(tmp_path / "own"), "test": 0.2, "validation": 0.2})
    files = [set(data.split(name).files or ()) for name in ("train", "validation", "test")]
    assert [len(part) for part in files] == [6, 2, 2] and len(set.union(*files)) == 10


def test_a_file_of_one_person_is_split_by_its_recordings(tmp_path: Path) -> None:
    (tmp_path / "me.csv").write_text(HEADER + "".join(rows(("walk", "rest")[n % 2], "me", seed=n) for n in range(8)))
    options = {**COLUMNS, "folder": str(tmp_path / "me.csv"), "label": "activity", "test": 0.25, "validation": 0.25}
    data = read_data("csv", 0, options)
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [28, 14, 14]


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "all.csv: no column is named 'gx'; there are activity, ax, ay, person, time": ("", {"columns": ["gx"]}),
    "all.csv: line 3: could not convert string to float: 'oops'": ("0,1,2,a,p\n1,oops,2,a,p\n", {}),
    "all.csv: line 2: list index out of range": ("0,1\n", {}),
    "all.csv: it has no rows of numbers": ("\n", {}),
    "2 recordings, the longest of 40 rows; none fills a window of 50": (
        rows("a", "p") + rows("b", "p"), {"window": 50}
    ),
    "all.csv: two columns are named 'ax'": ("two", {"columns": ["ax"]}),
    "some of its rows have no label": (rows(" ", "p"), {}),
    "there are 1 groups, and none is left for validation and test": (rows("a", "p"), {"group": "person"}),
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_a_csv_that_does_not_fit_is_refused_with_file_and_line(tmp_path: Path, message: str) -> None:
    body, options = WRONG[message]
    header = HEADER.replace("ay", "ax") if body == "two" else HEADER
    (tmp_path / "all.csv").write_text(header + body)
    with pytest.raises(BadData, match=message):
        read_data("csv", 0, {**COLUMNS, "folder": str(tmp_path / "all.csv"), "label": "activity", **options})


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": []},
        {"window": 0},
        {"step": -1},
        {"delimiter": "--"},
        {"test_groups": ["a"], "validation_groups": ["a"]},
    ],
)
def test_options_that_make_no_sense_are_refused_when_the_recipe_is_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRecipe, match="data 'csv'"):
        PrepareData("csv", options={**COLUMNS, "folder": "all.csv", **wrong})


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_csv_is_read_or_refused_and_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray((HEADER + rows("walk", "p1") + rows("rest", "p2") + rows("rest", "p3")).encode())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    (tmp_path / "all.csv").write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    options = {**COLUMNS, "folder": str(tmp_path / "all.csv"), "label": "activity", "group": "person"}
    try:
        PrepareData("csv", options=options).write({}, tmp_path / "out")
    except BadInput as error:
        assert "all.csv" in str(error)
