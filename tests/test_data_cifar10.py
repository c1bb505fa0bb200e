"""CIFAR-10 from a folder of the user's: its binary version or its images as files, and never a pickle."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.cifar10 import LABELS, RECORD, read_batches
from edgestill.pipeline.errors import BadData


def coloured(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (n,32,32,3) of ten colours under noise, with their labels."""
    random = np.random.default_rng(seed)
    y = np.arange(count) % 10
    colours = np.stack([20 * np.arange(10) + 30, 200 - 15 * np.arange(10), 25 * (np.arange(10) % 5) + 60], axis=1)
    noise = random.integers(-30, 31, (count, 32, 32, 3))
    return np.clip(colours[y][:, None, None] + noise, 0, 255).astype(np.uint8), y.astype(np.uint8)


def batch(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> bytes:
    return np.concatenate([y[:, None], x.transpose(0, 3, 1, 2).reshape(len(x), -1)], axis=1).tobytes()


def write(folder: Path, count: int = 100) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(1, 3):
        (folder / f"data_batch_{number}.bin").write_bytes(batch(*coloured(count, number)))
    (folder / "test_batch.bin").write_bytes(batch(*coloured(count, 9)))
    return folder


def test_the_binary_version_is_read_with_its_planes_as_colours(tmp_path: Path) -> None:
    data = read_data("cifar10", 0, {"folder": str(write(tmp_path / "cifar"))})
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [180, 20, 100]
    assert data.about.task.labels == LABELS and data.about.preprocess.shape == (32, 32, 3)
    x, y = coloured(100, 9)
    assert np.array_equal(data.test.x, x) and np.array_equal(data.test.y, y)


def test_the_images_as_files_are_read_too(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for number, (x, y) in enumerate(zip(*coloured(30, len(split)), strict=True)):
            (tmp_path / split / LABELS[y]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(x).save(tmp_path / split / LABELS[y] / f"{number}.png")
    data = read_data("cifar10", 0, {"folder": str(tmp_path), "validation": 0.34})
    assert [len(data.split(name)) for name in ("train", "validation", "test")] == [20, 10, 30]
    assert data.about.task.labels == LABELS


def test_the_python_version_is_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(BadData, match="those of the python version are pickles.*cifar-10-binary.tar.gz"):
        read_data("cifar10", 0, {"folder": str(tmp_path)})
    assert not (tmp_path / "ran").exists()


def test_a_folder_that_is_not_there_is_named_with_the_cure() -> None:
    with pytest.raises(BadData, match="cifar-10-batches-bin: no such file or folder .*: unpack cifar-10-binary.tar.gz"):
        read_data("cifar10", 0)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4 * RECORD), st.integers(0, 255))
def test_a_damaged_batch_is_refused_by_its_name(tmp_path: Path, length: int, label: int) -> None:
    path = tmp_path / "data_batch_1.bin"
    raw = bytearray(batch(*coloured(4)))
    raw[0] = label
    path.write_bytes(raw[:length])
    if length and length % RECORD == 0 and label < 10:
        assert len(read_batches([path])) == length // RECORD
    else:
        with pytest.raises(BadData, match="data_batch_1.bin: damaged"):
            read_batches([path])
