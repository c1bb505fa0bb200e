"""A Keras model or a SavedModel is a teacher where TensorFlow is installed; it is converted in a child process."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.data.catalog import read_data
from edgestill.pipeline.errors import BadModel, MissingTool
from edgestill.pipeline.recipe import read_recipe
from edgestill.pipeline.teachers.keras import to_tflite
from edgestill.pipeline.teachers.model_file import file_teacher

CASES = Path(__file__).parent / "cases" / "teachers" / "tensorflow"
THERE = importlib.util.find_spec("tensorflow") is not None
needed = pytest.mark.skipif(not THERE, reason="tensorflow is not installed: pip install 'edgestill[tensorflow]'")

TRAINED = """
import json, sys
import numpy as np
import tensorflow as tf

arrays = np.load("digits.npz")
tf.keras.utils.set_random_seed(0)
net = tf.keras.Sequential([
    tf.keras.layers.Input((8, 8, 1)),
    tf.keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
    tf.keras.layers.MaxPooling2D(),
    tf.keras.layers.Flatten(),
    tf.keras.layers.Dense(10, activation="softmax"),
])
net.compile("adam", "sparse_categorical_crossentropy")
net.fit(arrays["x"], arrays["y"], epochs=6, verbose=0)
net.save("net.keras")
net.export("saved", verbose=False)
np.save("said.npy", net.predict(arrays["tried"], verbose=0))
lambdas = tf.keras.Sequential([tf.keras.layers.Input((8, 8, 1)), tf.keras.layers.Lambda(lambda x: x * 2)])
lambdas.save("lambda.keras")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Keras net that learned digits, in both of TensorFlow's formats."""
    folder, digits = tmp_path_factory.mktemp("keras"), read_data("digits", 0)
    fed = digits.about.preprocess.apply
    np.savez(folder / "digits.npz", x=fed(digits.train.x), y=digits.train.y, tried=fed(digits.test.x[:32]))
    subprocess.run([sys.executable, "-c", TRAINED], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.skipif(THERE, reason="tensorflow is installed, so nothing is missing")
def test_without_tensorflow_the_recipe_names_the_command_that_installs_it(tmp_path: Path) -> None:
    shutil.copy(CASES / "keras.toml", tmp_path)
    (tmp_path / "net.keras").write_bytes(b"")
    with pytest.raises(MissingTool, match=r"is not installed: pip install 'edgestill\[tensorflow\]'"):
        read_recipe(tmp_path / "keras.toml")


@needed
@pytest.mark.nightly
@pytest.mark.parametrize("name", ["net.keras", "saved"])
def test_the_converted_file_says_what_keras_says(folder: Path, tmp_path: Path, name: str) -> None:
    to_tflite(folder / name, tmp_path / "net.tflite")
    digits = read_data("digits", 0)
    teacher = file_teacher(tmp_path / "net.tflite", name, digits)
    said = np.exp(teacher.outputs(digits.test.take(np.arange(32))))
    assert teacher.meaning == "softmax"
    assert np.allclose(said, np.load(folder / "said.npy"), atol=1e-5)


@needed
@pytest.mark.nightly
@pytest.mark.parametrize("case", ["keras", "saved-model"])
def test_a_net_of_tensorflow_teaches_a_student_from_end_to_end(
    case: str, folder: Path, tmp_path: Path, edgestill: Callable[..., Any]
) -> None:
    recipe = shutil.copy(CASES / f"{case}.toml", folder)
    ended = edgestill(["run", str(recipe), "--out", str(tmp_path / "out")], folder / "store")
    assert ended.returncode == 0, ended.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["variants"][0]["name"] == "teacher" and report["variants"][0]["test"][0] > 80


@needed
@pytest.mark.nightly
def test_code_inside_a_keras_file_is_not_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"lambda.keras: TensorFlow cannot convert it: .*Lambda"):
        to_tflite(folder / "lambda.keras", tmp_path / "net.tflite")


@needed
@pytest.mark.nightly
def test_a_file_that_is_no_keras_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.keras").write_bytes(b"nothing of the kind")
    with pytest.raises(BadModel, match="net.keras: TensorFlow cannot convert it: "):
        to_tflite(tmp_path / "net.keras", tmp_path / "net.tflite")
