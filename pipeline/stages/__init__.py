"""The stages: thin, options and one call each, all built alike; a recipe's name for each of them."""

from importlib import import_module
from typing import cast

from ..errors import choices
from .stage import Stage

NAMES = {
    "prepare-data": "prepare_data:PrepareData",
    "rehearse": "rehearse:Rehearse",
    "train": "train:Train",
    "import-checkpoint": "import_checkpoint:ImportCheckpoint",
    "load-weights": "load_weights:LoadWeights",
    "fine-tune": "fine_tune:FineTune",
    "convert-keras": "convert_keras:ConvertKeras",
    "import-model": "import_model:ImportModel",
    "embed": "embed:Embed",
    "find-semantics": "find_semantics:FindSemantics",
    "fit-head": "fit_head:FitHead",
    "evaluate-teacher": "evaluate_teacher:EvaluateTeacher",
    "teach": "teach:Teach",
    "shuffle-outputs": "shuffle_outputs:ShuffleOutputs",
    "invert": "invert:Invert",
    "distill": "distill:Distill",
    "prune": "prune:Prune",
    "export-onnx": "export_onnx:ExportOnnx",
    "export-tflite": "export_tflite:ExportTflite",
    "calibrate": "calibrate:Calibrate",
    "quantize": "quantize:Quantize",
    "export-qdq": "export_qdq:ExportQdq",
    "compile": "compile:Compile",
    "export-app": "export_app:ExportApp",
    "verify": "verify:Verify",
    "evaluate": "evaluate:Evaluate",
}


def stage_type(name: str) -> type[Stage]:
    """The class behind a recipe's stage name; LookupError names what there is."""
    if name not in NAMES:
        raise LookupError(f"no stage is named {name!r}; there are {choices(NAMES, name)}")
    module, _, attribute = NAMES[name].partition(":")
    return cast("type[Stage]", getattr(import_module(f".{module}", __name__), attribute))


def name_of(stage: Stage) -> str:
    """The recipe's name for a stage; for one that is not ours, its module and class."""
    here = f"{type(stage).__module__}:{type(stage).__name__}"
    return next((name for name, place in NAMES.items() if f"{__name__}.{place}" == here), here)
