"""A model file as a graph, by its ending: .onnx (float or QDQ) or .tflite (float or full integer)."""

from pathlib import Path

from ..errors import BadModel
from .from_onnx import from_onnx
from .from_tflite import from_tflite
from .graph import Graph


def read_graph(path: Path) -> Graph:
    """The file's graph, channels last; BadModel or Unsupported name what is wrong with it."""
    readers = {".onnx": from_onnx, ".tflite": from_tflite}
    if not path.is_file():
        raise BadModel(f"{path}: no such file")
    if path.suffix not in readers:
        raise BadModel(f"{path.name}: unknown ending {path.suffix!r}; models are .onnx or .tflite")
    try:
        return readers[path.suffix](path.read_bytes(), path.name)
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, OSError) as error:
        raise BadModel(f"{path.name}: damaged, or not what it says it is: {error}") from error
