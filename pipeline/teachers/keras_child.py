"""The child process that converts: arguments are a Keras file or a SavedModel's folder, and where the TFLite goes."""

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REFUSED = 4  # the code that it ends with when TensorFlow refuses the model
OURS = ("keras", "builtins", "tensorflow", "tf_keras")  # modules whose layers come with TensorFlow


def main(model: Path, out: Path) -> int:
    """Ends with REFUSED and one line on standard output when TensorFlow raises, or code lies in the file: no Lambda
    layer and no layer of somebody's own module is loaded."""
    try:
        converter = _converter(model)
        out.write_bytes(converter.convert())
    except Exception as error:  # TensorFlow raises many kinds on a foreign model
        words = " ".join(str(error).split()) or type(error).__name__
        print(words[:400])
        return REFUSED
    return 0


def _converter(model: Path) -> Any:
    import tensorflow

    if model.is_dir():
        return tensorflow.lite.TFLiteConverter.from_saved_model(str(model))
    _refuse_code(_configuration(model))
    loaded = tensorflow.keras.models.load_model(model, compile=False, safe_mode=True)
    return tensorflow.lite.TFLiteConverter.from_keras_model(loaded)


def _configuration(model: Path) -> Any:
    """What a Keras file says of its layers, before any of them is made."""
    if zipfile.is_zipfile(model):
        with zipfile.ZipFile(model) as archive:
            return json.loads(archive.read("config.json"))
    import h5py

    with h5py.File(model) as file:
        if "model_config" not in file.attrs:
            raise ValueError("it holds weights alone; save the whole model")
        return json.loads(file.attrs["model_config"])


def _refuse_code(configuration: Any) -> None:
    for entry in _entries(configuration):
        kind, module = entry.get("class_name"), entry.get("module")
        if kind in ("Lambda", "__lambda__"):
            raise ValueError("it has a Lambda layer, which is code, and code in files is not run; export a SavedModel")
        if isinstance(module, str) and module.split(".")[0] not in OURS:
            raise ValueError(f"{kind} is of the module {module}, which is not Keras's; export a SavedModel")


def _entries(value: Any) -> Iterator[dict[str, Any]]:
    """Every table in nested lists and tables."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _entries(part)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
