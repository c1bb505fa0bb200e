"""The folder for who builds an app, of files that `quantize` wrote."""

from pathlib import Path

from ..artifact import Artifact, digest
from ..graph.read import read_graph
from ..quantization.material import Material
from .folder import app_folder


def write_app(int8: Path, exact: Path, material: Material, name: str, out: Path) -> Artifact:
    """Writes the folder `out` of a full-integer .tflite file and the float file that it was made from.

    GateFailed when its files disagree, BadInput when something else lies there.
    """
    judging = material.judging
    app_folder(name, read_graph(int8), read_graph(exact), judging.x, judging.y, material.task).write(out)
    return Artifact(out, "app", digest(out))
