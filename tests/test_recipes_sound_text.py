"""Whole runs on folders of sound and of text: from files of one's own to INT8 files that verify."""

import json
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.data.travelling import KEY
from edgestill.pipeline.errors import BadRecipe
from edgestill.pipeline.features.hashed_text import HashedWords
from edgestill.pipeline.features.mel import LogMel
from edgestill.pipeline.models.catalog import build
from edgestill.pipeline.preprocess import preprocess_from_json
from edgestill.pipeline.recipe import read_recipe

Shell = Callable[..., subprocess.CompletedProcess[str]]
RATE = 4000
SOUND = """
[data]
name = "recordings"
folder = "tones"
sample_rate = 4000
seconds = 0.3
features = "log-mel"
bands = 10
group = "^[a-z]+"

[training]
views = 2
noise = 0.1
time_shift = 1
batch = 8

[student]
model = "ds-cnn"
options = { width = 8, depth = 1 }
epochs = 8

[[stage]]
stage = "quantize"

[measure]
runs = 5
warmup = 1
seconds = 0.05
"""
TEXT = """
[data]
name = "texts"
folder = "notes"
buckets = 256
length = 12

[training]
views = 1
batch = 8

[teacher]
model = "text-cnn"
options = { buckets = 256, embedding = 16, width = 16 }
epochs = 2

[student]
model = "text-cnn"
options = { buckets = 256, embedding = 4, width = 4 }
epochs = 6

[[stage]]
stage = "distill"

[[stage]]
stage = "quantize"

[measure]
runs = 5
warmup = 1
seconds = 0.05
"""


def write_tones(folder: Path) -> None:
    random = np.random.default_rng(0)
    for label, hertz in (("low", 300), ("high", 1200)):
        (folder / label).mkdir(parents=True)
        for take in range(20):
            speaker = ("ann", "bob", "eve", "kim", "tom")[take % 5]
            turns = hertz * (1 + take / 60) * np.arange(1600) / RATE
            sound = np.sin(2 * np.pi * turns) / 2 + random.normal(0, 0.02, 1600)
            with wave.open(str(folder / label / f"{speaker}{take}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes((sound * 20000).astype("<i2").tobytes())


def write_notes(folder: Path) -> None:
    random = np.random.default_rng(0)
    for topic, words in (("weather", "rain wind cloud sun storm"), ("food", "bread soup apple cheese rice")):
        (folder / topic).mkdir(parents=True)
        for number in range(40):
            (folder / topic / f"{number}.txt").write_text(" ".join(random.choice(words.split(), 8)))


def report_of(folder: Path, recipe: str, edgestill: Shell) -> dict[str, Any]:
    (folder / "own.toml").write_text(recipe)
    ended = edgestill(["run", str(folder / "own.toml"), "--out", str(folder / "out")], folder / "store")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads((folder / "out" / "report.json").read_text())
    return found


def front_end_in(file: Path) -> Any:
    """The front end that an ONNX file's metadata name."""
    import onnx

    metadata = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    return preprocess_from_json(json.loads(metadata[KEY])["preprocess"]).front_end


def test_a_folder_of_sounds_ends_in_int8_files_that_know_their_front_end(tmp_path: Path, edgestill: Shell) -> None:
    write_tones(tmp_path / "tones")
    report = report_of(tmp_path, SOUND, edgestill)
    assert {file["role"] for row in report["variants"] for file in row["files"]} >= {"float tflite", "int8 tflite"}
    front_end = front_end_in(tmp_path / "out" / "model.onnx")
    assert isinstance(front_end, LogMel) and (front_end.sample_rate, front_end.bands) == (RATE, 10)
    files = [str(tmp_path / "out" / name) for name in ("model.int8.tflite", "model.int8.onnx")]
    assert edgestill(["verify", *files], tmp_path / "store").returncode == 0


def test_a_folder_of_texts_ends_in_int8_files_that_read_token_ids(tmp_path: Path, edgestill: Shell) -> None:
    write_notes(tmp_path / "notes")
    report_of(tmp_path, TEXT, edgestill)
    assert front_end_in(tmp_path / "out" / "model.onnx") == HashedWords(256, 12)
    files = [str(tmp_path / "out" / name) for name in ("model.int8.tflite", "model.int8.onnx")]
    assert edgestill(["verify", *files], tmp_path / "store").returncode == 0


def test_a_table_smaller_than_the_tokens_is_found_before_any_training(tmp_path: Path, edgestill: Shell) -> None:
    write_notes(tmp_path / "notes")
    (tmp_path / "own.toml").write_text(TEXT.replace("options = { buckets = 256", "options = { buckets = 200"))
    ended = edgestill(["run", str(tmp_path / "own.toml"), "--out", str(tmp_path / "out")], tmp_path / "store")
    assert ended.returncode == 2 and "train" not in ended.stderr
    assert "model 'text-cnn': the data hold the token id 255, but its table ends at 199" in ended.stderr


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((8, 8, 1), {}, "takes token ids, samples of shape"),
        ((16,), {"kernel": 4}, "kernel is 4, dropout 0.1; they must be odd, and below 1"),
        ((16,), {"dropout": 1.5}, "dropout 1.5"),
    ],
)
def test_a_text_net_says_what_it_needs(shape: tuple[int, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRecipe, match=message):
        build("text-cnn", shape, 2, options)


def test_padding_is_no_word() -> None:
    import torch

    net: Any = build("text-cnn", (16,), 2, {})
    assert not net.table.weight[0].any() and net.table.weight[1].any()
    assert net(torch.zeros(3, 16, dtype=torch.int32)).shape == (3, 2)


@pytest.mark.parametrize(("name", "seeds"), [("spoken-digits", 3), ("spam", 3), ("few-labels", 5)])
def test_the_shipped_recipes_are_whole(name: str, seeds: int) -> None:
    assert read_recipe(name).seeds == seeds
