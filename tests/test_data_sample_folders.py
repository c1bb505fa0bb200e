"""Folders of files as samples for a model: the front end that travels in it makes of them what it was trained on."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.samples import read_samples
from edgestill.pipeline.errors import BadData


def wav(path: Path, pitch: float, seed: int) -> None:
    time = np.arange(4000) / 8000
    wave = np.sin(2 * np.pi * pitch * time) + np.random.default_rng(seed).normal(0, 0.1, len(time))
    data = (wave * 8000).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    for name, pitch in (("high", 900.0), ("low", 300.0)):
        (tmp_path / "sounds" / name).mkdir(parents=True)
        for number in range(10):
            wav(tmp_path / "sounds" / name / f"{number}.wav", pitch, number)
    return tmp_path / "sounds"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    for name in ("good", "bad"):
        (tmp_path / "texts" / name).mkdir(parents=True)
        for number in range(10):
            (tmp_path / "texts" / name / f"{number}.txt").write_text(f"text number {number} is {name}")
    return tmp_path / "texts"


@pytest.mark.parametrize("features", ["mfcc", "log-mel"])
def test_sounds_become_the_features_that_the_model_was_trained_on(sounds: Path, features: str) -> None:
    options = {"sample_rate": 8000, "seconds": 0.4, "features": features, "bands": 20, "high_hz": 3800.0}
    data = read_data("recordings", 0, {**options, "folder": str(sounds)})
    known, shape = data.about.preprocess, (1, *data.about.preprocess.shape)
    samples = read_samples(str(sounds), shape, split="test", preprocess=known)
    assert np.array_equal(samples.x, known.apply(data.test.x)) and samples.y is not None
    alone = read_samples(str(sounds / "high"), shape, preprocess=known)
    assert alone.x.shape == (10, *known.shape) and alone.y is None


def test_texts_become_the_token_ids_that_the_model_was_trained_on(texts: Path) -> None:
    for tokens in ("words", "bytes"):
        data = read_data("texts", 0, {"folder": str(texts), "tokens": tokens, "buckets": 64, "length": 30})
        known = data.about.preprocess
        samples = read_samples(str(texts), (1, 30), split="test", preprocess=known, tokens=True)
        assert np.array_equal(samples.x, data.test.x) and samples.x.dtype == np.int32
        assert read_samples(str(texts / "bad"), (1, 30), preprocess=known, tokens=True).x.shape == (10, 30)


def test_sounds_for_a_model_without_a_front_end_are_refused(sounds: Path) -> None:
    with pytest.raises(BadData, match="the model does not say how .* become its input; give an .npz"):
        read_samples(str(sounds), (1, 49, 13, 1))


def test_a_folder_of_two_kinds_is_refused(sounds: Path) -> None:
    Image.new("L", (8, 8)).save(sounds / "high" / "spectrum.png")
    with pytest.raises(BadData, match="it holds images and sounds; give a folder of one kind"):
        read_samples(str(sounds), (1, 8, 8, 1))
