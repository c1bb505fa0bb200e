"""A Keras model or a SavedModel as float TFLite, converted by TensorFlow in a child process."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

from ..errors import BadModel, MissingTool, RuntimeDied
from .keras_child import REFUSED

CURE = "pip install 'edgestill[tensorflow]'"
KERAS = (".keras", ".h5", ".hdf5")
TIMEOUT = 900.0  # seconds


def is_of_tensorflow(model: Path) -> bool:
    """Whether it is called as Keras files are, or is a folder; BadModel for a folder that is no SavedModel."""
    if model.is_dir() and not (model / "saved_model.pb").is_file():
        raise BadModel(f"{model}: a folder without saved_model.pb, so no SavedModel; name a model's file")
    return model.is_dir() or model.suffix.lower() in KERAS


def check_tensorflow(cure: str = CURE) -> None:
    """MissingTool unless TensorFlow is installed."""
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingTool(f"the package tensorflow, which reads Keras models and SavedModels, is not installed: {cure}")


def to_tflite(model: Path, out: Path, timeout: float = TIMEOUT) -> None:
    """Writes the model as float TFLite. BadModel when TensorFlow refuses it, RuntimeDied when its process dies."""
    command = [sys.executable, "-P", "-m", f"{__package__}.keras_child", str(model.resolve()), str(out.resolve())]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeDied(f"{model.name}: TensorFlow took longer than {timeout:g} s to convert it") from error
    if done.returncode == REFUSED:
        words = done.stdout.decode(errors="replace").strip().splitlines()[-1:]
        raise BadModel(f"{model.name}: TensorFlow cannot convert it: {''.join(words)}")
    if done.returncode or not out.is_file():
        ended = signal.Signals(-done.returncode).name if done.returncode < 0 else f"code {done.returncode}"
        raise RuntimeDied(f"{model.name}: TensorFlow's process ended with {ended} while converting it; is it whole?")
