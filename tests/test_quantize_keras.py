"""A Keras model or a SavedModel to INT8: TensorFlow converts it in a child process, and what comes out is verified."""

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.__main__ import main
from edgestill.pipeline.data.catalog import read_data

THERE = importlib.util.find_spec("tensorflow") is not None
needed = pytest.mark.skipif(not THERE, reason="tensorflow is not installed: pip install 'edgestill[tensorflow]'")

TRAINED = """
import numpy as np
import tensorflow as tf

arrays = np.load("digits.npz")
layers = tf.keras.layers
tf.keras.utils.set_random_seed(0)
net = tf.keras.Sequential([
    layers.Input((8, 8, 1)),
    layers.Conv2D(12, 3, padding="same", use_bias=False),
    layers.BatchNormalization(),
    layers.ReLU(),
    layers.DepthwiseConv2D(3, padding="same", activation="relu6"),
    layers.Conv2D(16, 1, activation="relu"),
    layers.GlobalAveragePooling2D(),
    layers.Dense(10, activation="softmax"),
])
net.compile(tf.keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
net.fit(arrays["x"], arrays["y"], epochs=25, verbose=0)
net.save("net.keras")
net.save("net.h5")
net.save_weights("net.weights.h5")
net.export("saved.net", verbose=False)
lambdas = tf.keras.Sequential([layers.Input((8, 8, 1)), layers.Lambda(lambda x: x * 2), layers.Flatten()])
lambdas.save("lambda.keras")
lambdas.save("lambda.h5")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small convolutional net that learned digits, in all of TensorFlow's formats, and digits that it never saw."""
    folder, digits = tmp_path_factory.mktemp("keras"), read_data("digits", 0)
    fed = digits.about.preprocess.apply
    np.savez(folder / "digits.npz", x=fed(digits.train.x), y=digits.train.y)
    np.savez(folder / "others.npz", x=fed(digits.test.x), y=digits.test.y)
    subprocess.run([sys.executable, "-c", TRAINED], cwd=folder, check=True, capture_output=True)
    return folder


@needed
@pytest.mark.nightly
@pytest.mark.parametrize("name", ["net.keras", "net.h5", "saved.net"])
def test_a_model_of_tensorflow_is_quantized_and_verified(folder: Path, tmp_path: Path, capsys: Any, name: str) -> None:
    data = str(folder / "others.npz")
    command = ["quantize", str(folder / name), "--data", data, "--layout", "channels-last", "--out", str(tmp_path)]
    assert main([*command, "--app", "--max-drop", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["score_float"] > 80 and found["between_files"]["passed"]
    assert found["against_float"]["end_to_end"]["sqnr_db"] > 15
    stem = "saved.net" if name == "saved.net" else "net"
    files = {f"{stem}.int8.tflite", f"{stem}.int8.onnx", f"{stem}.float.tflite", f"{stem}.float.onnx"}
    assert {path.name for path in tmp_path.iterdir()} == {*files, f"{stem}-app"}
    both = [str(tmp_path / f"{stem}.int8.{ending}") for ending in ("tflite", "onnx")]
    floats = [str(tmp_path / f"{stem}.float.{ending}") for ending in ("tflite", "onnx")]
    for pair in (both, floats):
        assert main(["verify", *pair, "--data", data, "--layout", "channels-last"]) == 0


@needed
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lambda.keras", "a Lambda layer, which is code"),
        ("lambda.h5", "a Lambda layer, which is code"),
        ("net.weights.h5", "it holds weights alone"),
        ("foreign.keras", "is of the module os"),
        ("cut.keras", "TensorFlow cannot convert it"),
        ("cut.h5", "TensorFlow cannot convert it"),
        ("damaged", "TensorFlow cannot convert it"),
    ],
)
def test_what_is_damaged_or_holds_code_is_refused_in_a_line(folder: Path, capsys: Any, name: str, why: str) -> None:
    for whole in ("net.keras", "net.h5"):
        (folder / f"cut{Path(whole).suffix}").write_bytes((folder / whole).read_bytes()[:3000])
    (folder / "damaged").mkdir(exist_ok=True)
    (folder / "damaged" / "saved_model.pb").write_bytes((folder / "saved.net" / "saved_model.pb").read_bytes()[:500])
    with zipfile.ZipFile(folder / "net.keras") as archive, zipfile.ZipFile(folder / "foreign.keras", "w") as changed:
        for file in archive.namelist():
            text = archive.read(file)
            changed.writestr(file, text.replace(b'"keras.layers"', b'"os"') if file == "config.json" else text)
    assert main(["quantize", str(folder / name), "--data", str(folder / "others.npz")]) == 2
    said = capsys.readouterr().err
    assert why in said and name in said and "Traceback" not in said


@pytest.mark.skipif(THERE, reason="tensorflow is installed, so nothing is missing")
def test_without_tensorflow_the_command_that_installs_it_is_named(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "net.keras").write_bytes(b"whatever")
    assert main(["quantize", str(tmp_path / "net.keras"), "--data", "digits"]) == 3
    said = capsys.readouterr().err
    assert "tensorflow" in said and "-m pip install" in said and "[tensorflow]" in said


def test_a_folder_that_is_no_saved_model_is_told(tmp_path: Path, capsys: Any) -> None:
    assert main(["quantize", str(tmp_path), "--data", "digits"]) == 2
    assert "without saved_model.pb" in capsys.readouterr().err
    assert main(["quantize", str(tmp_path / "no.keras"), "--data", "digits"]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_shape_for_a_file_that_has_one_is_refused(capsys: Any) -> None:
    model = Path(__file__).parent / "cases" / "mlperf-tiny" / "kws_fp32.tflite"
    assert main(["quantize", str(model), "--data", "digits", "--shape", "1,49,10,1"]) == 2
    assert "--shape is for .onnx files" in capsys.readouterr().err
