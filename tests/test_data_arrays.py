"""Arrays of the user's own: an .npz or what a function returns, with axes that are said and targets of one kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.data.catalog import read_data, reader
from edgestill.pipeline.errors import BadData, BadInput, BadRecipe
from edgestill.pipeline.own_code import factories_in
from edgestill.pipeline.stages.prepare_data import PrepareData
from edgestill.pipeline.store import Store

LABELS = np.arange(60) % 3


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def npz(folder: Path, **arrays: Any) -> dict[str, Any]:
    np.savez(folder / "own.npz", **arrays)
    return {"file": str(folder / "own.npz")}


@pytest.mark.parametrize(
    ("axes", "given", "sample"),
    [
        ("", (60, 4, 5, 3), (4, 5, 3)),
        ("nchw", (60, 3, 4, 5), (4, 5, 3)),
        ("nhw", (60, 4, 5), (4, 5, 1)),
        ("ntc", (60, 9, 2), (1, 9, 2)),
        ("nct", (60, 2, 9), (1, 9, 2)),
        ("", (60, 7), (7,)),
    ],
)
def test_axes_say_what_is_what(tmp_path: Path, axes: str, given: tuple[int, ...], sample: tuple[int, ...]) -> None:
    data = read_data("npz", 0, {**npz(tmp_path, x=noise(*given), y=LABELS), "axes": axes})
    assert data.about.preprocess.shape == sample and len(data.train) == 42


def test_three_axes_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"x has 3 axes, \(60, 9, 2\); say what they are with axes = \"nct, nhw, ntc\""):
        read_data("npz", 0, npz(tmp_path, x=noise(60, 9, 2), y=LABELS))


def test_a_test_split_of_its_own_is_kept(tmp_path: Path) -> None:
    x_test = noise(9, 7, seed=1)
    arrays = npz(tmp_path, x=noise(60, 7), y=LABELS, x_test=x_test, y_test=LABELS[:9])
    data = read_data("npz", 0, {**arrays, "labels": ["a", "b", "c"]})
    assert np.array_equal(data.test.x, x_test) and len(data.train) == 54 and data.about.task.labels == ("a", "b", "c")


def test_reals_are_regressed_in_their_unit(tmp_path: Path) -> None:
    data = read_data("npz", 0, {**npz(tmp_path, x=noise(60, 7), y=noise(60)), "unit": "°C", "labels": ["inside"]})
    assert data.about.task.kind == "regress" and data.about.task.unit == "°C" and data.train.y.shape == (42, 1)


def test_bytes_stay_bytes_and_go_to_255(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 1), dtype=np.uint8)
    preprocess = read_data("npz", 0, npz(tmp_path, x=x, y=LABELS)).about.preprocess
    assert (preprocess.dtype, preprocess.divisor) == ("uint8", 255.0)


BAD: dict[str, dict[str, Any]] = {
    "no array is named 'y'; there are x": {"x": noise(60, 7)},
    "60 samples in x, but 5 targets in y": {"x": noise(60, 7), "y": LABELS[:5]},
    "labels in y begin below 0": {"x": noise(60, 7), "y": LABELS - 1},
    "some targets are whole numbers, others reals": {
        "x": noise(60, 7), "y": LABELS, "x_test": noise(3, 7), "y_test": noise(3)
    },
    "x has the type <U1": {"x": np.full((60, 7), "a"), "y": LABELS},
    "never objects": {"x": np.full((60, 7), {}, object), "y": LABELS},
    "no array is named 'x'; there are images": {"images": noise(60, 7)},
    "no sample is left for train": {"x": noise(0, 7), "y": LABELS[:0]},
}  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, message: str) -> None:
    with pytest.raises(BadData, match=f"own.npz.*{message}"):
        read_data("npz", 0, npz(tmp_path, **BAD[message]))


def test_labels_that_are_skipped_and_values_that_are_none_are_found_before_training(tmp_path: Path) -> None:
    gap = np.where(LABELS == 1, 5, LABELS)
    with pytest.raises(BadData, match="train: no sample is labelled 1, 3, 4"):
        PrepareData("npz", options=npz(tmp_path, x=noise(60, 7), y=gap)).write({}, tmp_path / "out")
    with pytest.raises(BadData, match="no sample is labelled 0; .* go from 1 to 3: take 1 from each"):
        PrepareData("npz", options=npz(tmp_path, x=noise(60, 7), y=LABELS + 1)).write({}, tmp_path / "out")
    x = noise(60, 7)
    x[::2, 3] = np.nan
    with pytest.raises(BadData, match=r"(?s)train: .* hold nan.*validation: .* hold nan.*test: .* hold nan"):
        PrepareData("npz", options=npz(tmp_path, x=x, y=LABELS)).write({}, tmp_path / "out")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.data())
def test_a_damaged_npz_is_read_or_refused_and_nothing_else(tmp_path: Path, packed: bool, data: st.DataObject) -> None:
    path = tmp_path / "own.npz"
    (np.savez_compressed if packed else np.savez)(path, x=noise(60, 2), y=LABELS)
    raw = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        PrepareData("npz", options={"file": str(path)}, duplicates="keep").write({}, tmp_path / "out")
    except BadInput as error:
        assert "own" in str(error)


OWN = "import numpy as np\nfrom own_noise import noise\ndef samples():\n    return noise(), np.arange(60) % 3\n"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with a function of the user's own."""
    (tmp_path / "own_noise.py").write_text(
        "import numpy as np\ndef noise():\n    return np.random.default_rng(0).normal(size=(60, 7))\n"
    )
    (tmp_path / f"own_{tmp_path.name}.py").write_text(OWN)
    return tmp_path


def options(folder: Path, function: str = "samples", **others: Any) -> dict[str, Any]:
    return {"function": f"own_{folder.name}:{function}", **others}


def test_a_function_of_one_s_own_gives_the_arrays(beside: Path) -> None:
    with factories_in(beside):
        data = read_data("factory", 0, options(beside))
        sources = reader("factory", options(beside)).sources()
    assert len(data.train) == 42 and data.about.source.licence == "yours"
    assert sorted(path.name for path in sources) == ["own_noise.py", f"own_{beside.name}.py"]


def test_data_are_read_again_when_a_file_that_the_function_reads_is_another(beside: Path) -> None:
    (beside / "values.txt").write_text("1")
    stage, store = PrepareData("factory", options=options(beside, files=["values.txt"])), Store(beside / "store")
    with factories_in(beside):
        assert store.make(stage, {}).fresh and not store.make(stage, {}).fresh
        (beside / "values.txt").write_text("2")
        assert store.make(stage, {}).fresh


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def samples():\n    raise OSError('no disk')", "OSError: no disk"),
        ("def samples():\n    return 3", "returned int; expected a mapping of arrays"),
        ("def others():\n    return 3", "has no function 'samples'"),
        ("import sys\nsys.exit(3)", "cannot be imported|SystemExit"),
        ("def samples(:", "not Python|cannot be imported"),
        ("def samples():\n    return [[1], [2, 3]], [0, 1]", "own_.*: x: .*expected arrays of numbers"),
    ],
)
def test_a_function_that_fails_is_told_with_its_name(tmp_path: Path, body: str, message: str) -> None:
    (tmp_path / f"own_{tmp_path.name}.py").write_text(body)
    with factories_in(tmp_path), pytest.raises(BadInput, match=message):
        list(reader("factory", options(tmp_path)).sources())
        read_data("factory", 0, options(tmp_path))


def test_what_is_no_function_is_refused_when_the_recipe_is_read() -> None:
    with pytest.raises(BadRecipe, match='expected "module:function"'):
        PrepareData("factory", options={"function": "os.system"})
