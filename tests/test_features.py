"""Front ends: what librosa and a C program give for the same settings, exactly said, and carried in files."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgestill.pipeline.errors import BadInput
from edgestill.pipeline.features.front_end import NAMES, FrontEnd, front_end_from_json
from edgestill.pipeline.features.hashed_text import HashedBytes, HashedWords, fnv1a
from edgestill.pipeline.features.mel import LogMel, Mfcc
from edgestill.pipeline.features.spectrum import cosines, framed, mel_filters, power
from edgestill.pipeline.preprocess import Preprocess, preprocess_from_json

CASES = Path(__file__).parent / "cases"
SOUND = json.loads((CASES / "front_ends.json").read_text())["cases"]
TEXT = json.loads((CASES / "hashed_text.json").read_text())
SMALL = LogMel(sample_rate=8000, window=200, hop=80, fft=256, bands=20, low_hz=60.0, high_hz=4000.0, frames=5)


@pytest.mark.parametrize("case", SOUND, ids=lambda case: str(case["name"]))
def test_log_mel_and_mfcc_are_those_of_librosa(case: dict[str, Any]) -> None:
    waveform = np.array([case["pcm"]], np.float32) / np.float32(32768)
    log_mel = LogMel(**case["settings"]).apply(waveform)
    assert log_mel.dtype == np.float32 and log_mel.shape == (1, *LogMel(**case["settings"]).shape)
    assert np.allclose(log_mel[0, ..., 0], case["log_mel"], rtol=0, atol=2e-5)
    coefficients = Mfcc(**case["settings"], **case["mfcc"]).apply(waveform)
    assert np.allclose(coefficients[0, ..., 0], case["coefficients"], rtol=0, atol=2e-4)


def test_the_power_of_a_sine_lies_in_its_own_bin() -> None:
    sine = np.sin(2 * np.pi * 8 * np.arange(128) / 128)[None]
    spectrum = power(framed(sine, 128, 128), 128)[0, 0]
    assert spectrum.argmax() == 8 and math.isclose(spectrum[8], (128 / 4) ** 2, rel_tol=1e-9)


def test_silence_is_the_logarithm_of_the_floor() -> None:
    features = SMALL.apply(np.zeros((2, SMALL.samples), np.float32))
    assert np.array_equal(features, np.full((2, 5, 20, 1), np.log(1e-6), np.float32))


def test_mel_bands_overlap_by_half_and_peak_at_their_centres() -> None:
    filters = mel_filters(10, 4096, 16_000, 100.0, 8_000.0)
    peaks = filters.argmax(axis=0)
    inside = filters[peaks[0] + 1 : peaks[-1]]
    assert np.allclose(inside.sum(axis=1), 1.0) and filters.max() <= 1.0 and filters.max(axis=0).min() > 0.95


@given(st.integers(1, 40))
def test_all_cosines_together_turn_without_stretching(bands: int) -> None:
    matrix = cosines(bands, bands)
    assert np.allclose(matrix @ matrix.T, np.eye(bands), atol=1e-9)


@given(st.floats(0.01, 100.0))
def test_a_louder_sound_moves_only_the_zeroth_coefficient(gain: float) -> None:
    front_end = Mfcc(**{**vars(SMALL), "floor": 1e-12}, coefficients=8)
    sound = np.random.default_rng(0).normal(size=(1, front_end.samples)).astype(np.float64)
    change = (front_end.apply(sound * gain) - front_end.apply(sound))[0, ..., 0]
    assert np.allclose(change[:, 1:], 0, atol=1e-4)
    assert np.allclose(change[:, 0], 2 * math.log(gain) * math.sqrt(front_end.bands), atol=1e-3)


def test_fnv1a_gives_the_published_hashes() -> None:
    assert {text: fnv1a(text.encode()) for text in TEXT["fnv1a"]} == TEXT["fnv1a"]


@pytest.mark.parametrize("case", TEXT["cases"], ids=lambda case: f"{case['front_end']} {case['text']!r}")
def test_tokens_are_those_of_the_same_specification_in_c(case: dict[str, Any]) -> None:
    front_end = front_end_from_json(case["front_end"])
    assert front_end is not None
    ids = front_end.apply([case["text"]])
    assert ids.dtype == np.int32 and ids.tolist() == [case["ids"]]


@given(st.lists(st.text(max_size=60), max_size=4), st.integers(2, 500), st.integers(1, 40), st.integers(1, 6))
def test_tokens_stay_below_the_buckets_and_padding_comes_last(
    texts: list[str], buckets: int, length: int, n: int
) -> None:
    for front_end in (HashedWords(buckets, length), HashedBytes(n, buckets, length)):
        ids = front_end.apply(texts)
        assert ids.shape == (len(texts), length) and ids.min(initial=0) >= 0 and ids.max(initial=0) < buckets
        used = ids > 0
        assert np.array_equal(used, np.sort(used, axis=1)[:, ::-1])


@given(st.text(max_size=60))
def test_ascii_case_and_space_around_make_no_difference(text: str) -> None:
    for front_end in (HashedWords(), HashedBytes()):
        shouted = f"  {''.join(c.upper() if c.isascii() else c for c in text)}\r\n"
        assert np.array_equal(front_end.apply([text]), front_end.apply([shouted]))


EVERY: list[FrontEnd] = [SMALL, Mfcc(lifter=22), HashedWords(300, 9), HashedBytes(2, 300, 9)]


@pytest.mark.parametrize("front_end", EVERY, ids=lambda front_end: front_end.name)
def test_a_front_end_travels_as_json_with_every_setting(front_end: FrontEnd) -> None:
    said = json.loads(json.dumps(front_end.to_json()))
    assert said.keys() == {"name", *vars(front_end)} and front_end_from_json(said) == front_end
    dtype = "int32" if "hashed" in front_end.name else "float32"
    preprocess = Preprocess(front_end.shape, dtype, front_end=front_end)
    assert preprocess_from_json(json.loads(json.dumps(preprocess.to_json()))) == preprocess


def test_every_name_has_been_tried_here() -> None:
    assert {front_end.name for front_end in EVERY} == set(NAMES)


WRONG: dict[str, dict[str, Any] | str] = {
    "none is named 'fft'; there are hashed-bytes, hashed-words, log-mel, mfcc": {"name": "fft"},
    "none is named None": {},
    "'log-mel': .*unexpected keyword argument 'speed'": {"name": "log-mel", "speed": 1},
    "window is 0; it must be a whole number from 2 to 16384": {"name": "log-mel", "window": 0},
    "bands is True; it must be a whole number": {"name": "log-mel", "bands": True},
    "a window of 600 samples needs an fft of at least as many; it is 512": {"name": "mfcc", "window": 600},
    "its bands go from 20.0 to 9000 Hz; at 16000 samples a second they must lie within 0 to 8000": {
        "name": "mfcc",
        "high_hz": 9000,
    },
    "low_hz is nan; it must be a finite number": {"name": "mfcc", "low_hz": math.nan},
    "floor is 0; it must be above 0": {"name": "mfcc", "floor": 0},
    "of 128 mel bands lie between two bins of the spectrum": {"name": "log-mel", "bands": 128},
    "50 coefficients of 40 bands": {"name": "mfcc", "coefficients": 50},
    "buckets is 1; it must be a whole number from 2": {"name": "hashed-words", "buckets": 1},
    "n is 0": {"name": "hashed-bytes", "n": 0},
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_setting_is_named(message: str) -> None:
    with pytest.raises(BadInput, match=f"front end.*{message}"):
        front_end_from_json(WRONG[message])  # type: ignore[arg-type]


def test_a_waveform_of_another_length_is_refused() -> None:
    with pytest.raises(BadInput, match=r"waveforms have shape \(1, 9\) and type float64; expected \(n, 520\)"):
        SMALL.apply(np.zeros((1, 9)))
    with pytest.raises(BadInput, match="type int16"):
        SMALL.apply(np.zeros((1, SMALL.samples), np.int16))


def test_a_preprocess_of_other_features_than_its_front_end_s_is_refused() -> None:
    with pytest.raises(BadInput, match=r"samples have shape \(9,\), but the front end 'hashed-words' gives \(128,\)"):
        Preprocess((9,), "int32", front_end=HashedWords())


def test_every_column_of_a_spectrum_may_have_its_own_mean() -> None:
    raw = np.random.default_rng(0).normal(3, 2, size=(6, 4, 3, 1)).astype(np.float32)
    columns = Preprocess((4, 3, 1), "float32", mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0))
    expected = (raw - np.reshape([1, 2, 3], (3, 1))) / np.reshape([1, 2, 4], (3, 1))
    assert np.allclose(columns.apply(raw), expected)
    with pytest.raises(BadInput, match="mean has 2 values for 3 columns; give 1 or 3"):
        Preprocess((4, 3, 1), "float32", mean=(1.0, 2.0))
