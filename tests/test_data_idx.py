"""IDX files and what comes in them: Fashion-MNIST as Debian ships it, and folders of the user's own."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgestill.pipeline.data import fashion_mnist
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.idx import read_idx
from edgestill.pipeline.errors import BadData, MissingTool
from edgestill.tests.wanted import want


def idx(array: NDArray[Any]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write(folder: Path, count: int = 60, start: str = "train", packed: bool = False, colours: int = 0) -> None:
    random = np.random.default_rng(count)
    shape = (count, 5, 4, colours) if colours else (count, 5, 4)
    files = {
        f"images-idx{len(shape)}-ubyte": random.integers(0, 256, shape),
        "labels-idx1-ubyte": np.arange(count) % 3,
    }
    for name, array in files.items():
        raw = idx(array)
        path = folder / f"{start}-{name}{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(raw, mtime=0) if packed else raw)


def test_fashion_mnist_has_its_official_test_split_and_5000_for_validation() -> None:
    want(Path(fashion_mnist.FOLDER).is_dir(), "data", f"Fashion-MNIST is not installed: {fashion_mnist.CURE}")
    data = read_data("fashion-mnist", seed=0)
    assert [len(data.split(name)) for name in ("train", "validation", "test", "calibration")] == [
        55000,
        5000,
        10000,
        200,
    ]
    assert np.bincount(data.test.y).tolist() == [1000] * 10 and np.bincount(data.validation.y).tolist() == [500] * 10
    assert data.test.y[:6].tolist() == [9, 2, 1, 1, 6, 1]  # ankle boot, pullover, trouser, ... as in the official order
    assert data.about.preprocess.mean == pytest.approx([0.286], abs=1e-3)
    assert data.about.preprocess.std == pytest.approx([0.353], abs=1e-3)


def test_fashion_mnist_that_is_not_there_is_named_with_both_cures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fashion_mnist, "FOLDER", str(tmp_path / "none"))
    with pytest.raises(MissingTool, match=r"sudo apt install dataset-fashion-mnist, or name the folder .* folder = "):
        fashion_mnist.FashionMnist(folder=str(tmp_path / "none")).read(0)


def test_other_images_are_not_taken_for_fashion_mnist(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, start="t10k")
    with pytest.raises(BadData, match=r"the sha-256 of its images and labels is [0-9a-f]{16}\.\.\., expected ca3ab2a3"):
        read_data("fashion-mnist", 0, {"folder": str(tmp_path)})


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_idx_files_is_read_gzipped_or_not(tmp_path: Path, packed: bool) -> None:
    write(tmp_path, packed=packed)
    data = read_data("idx", 0, {"folder": str(tmp_path)})
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [42, 6, 12]
    assert data.train.x.shape[1:] == (5, 4, 1) and data.about.task.labels == ("0", "1", "2")


@pytest.mark.parametrize("start", ["t10k", "test"])
def test_a_test_split_that_is_there_is_kept_and_labels_have_names(tmp_path: Path, start: str) -> None:
    write(tmp_path, colours=3)
    write(tmp_path, count=9, start=start, colours=3)
    data = read_data("idx", 0, {"folder": str(tmp_path), "labels": ["a", "b", "c"]})
    assert data.test.y.tolist() == [0, 1, 2] * 3 and data.test.x.shape == (9, 5, 4, 3)
    assert data.about.task.labels == ("a", "b", "c")


def test_a_folder_that_does_not_fit_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="there is no train-images-idx3-ubyte"):
        read_data("idx", 0, {"folder": str(tmp_path)})
    write(tmp_path)
    with pytest.raises(BadData, match="the labels go from 0 to 2, but `labels` names 2"):
        read_data("idx", 0, {"folder": str(tmp_path), "labels": ["a", "b"]})
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(5)))
    with pytest.raises(BadData, match=r"has the shape \(60, 5, 4\) and train-labels-idx1-ubyte \(5,\)"):
        read_data("idx", 0, {"folder": str(tmp_path)})
    write(tmp_path, start="training")
    with pytest.raises(
        BadData, match="there are train-images-idx3-ubyte, train-images.idx3-ubyte, and only one of them can be read"
    ):
        (tmp_path / "train-images.idx3-ubyte").write_bytes(b"")
        read_data("idx", 0, {"folder": str(tmp_path)})


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.data())
def test_a_damaged_idx_file_is_read_or_refused_and_nothing_else(
    tmp_path: Path, packed: bool, data: st.DataObject
) -> None:
    whole = idx(np.arange(24).reshape(2, 3, 4))
    raw = bytearray(gzip.compress(whole, mtime=0) if packed else whole)
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged-idx3{'.gz' if packed else ''}"
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        assert read_idx(path).dtype == np.uint8
    except BadData as error:
        assert "damaged-idx3" in str(error)
