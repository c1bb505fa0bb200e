"""Export: a folder for who builds an app, with every file of the model, their interface, and code that runs them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ..artifact import Artifact, Kind


@dataclass(frozen=True)
class ExportApp:
    """The files are held to each other first; the golden sample is one of the test split."""

    takes: ClassVar[Mapping[str, tuple[Kind, ...]]] = {
        "source": ("tflite",),
        "float": ("onnx", "tflite"),
        "data": ("dataset",),
    }
    optional: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[Kind] = "app"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("numpy", "flatbuffers", "onnx", "onnxruntime", "ai-edge-litert", "pillow")

    def sources(self) -> Iterable[Path]:
        return ()

    def write(self, inputs: Mapping[str, Artifact], out: Path) -> None:
        from ..app.folder import app_folder
        from ..app.golden import LOOKED_AT
        from ..data.dataset import load
        from ..graph.read import read_graph

        dataset = load(inputs["data"].path)
        fed = dataset.about.preprocess.apply(dataset.test.x[:LOOKED_AT])
        targets = dataset.test.y[:LOOKED_AT]
        integer, exact = (read_graph(inputs[name].path) for name in ("source", "float"))
        app_folder("model", integer, exact, fed, targets, dataset.about.task).write(out)
