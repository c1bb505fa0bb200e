"""The child process that converts: arguments are a .keras file or a SavedModel's folder, and where the TFLite goes."""

import sys
from pathlib import Path
from typing import Any

REFUSED = 4


def main(model: Path, out: Path) -> int:
    """Ends with REFUSED and one line on standard output when TensorFlow raises; Lambda layers are not run."""
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
    loaded = tensorflow.keras.models.load_model(model, compile=False, safe_mode=True)
    return tensorflow.lite.TFLiteConverter.from_keras_model(loaded)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
