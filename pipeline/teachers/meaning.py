"""What a foreign classifier's outputs are: logits, or probabilities that are turned back into logits."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..graph.flatbuffer import unpack

Meaning = Literal["logits", "softmax", "sigmoid"]
CARRYING = {"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "QuantizeLinear", "DequantizeLinear"}
LEAST = 1e-7  # a probability below it is taken for it; float32 sums to 1 no better
SUM = 0.05  # how far from 1 a sum of probabilities may be: those of INT8 files are steps of 1/256


def meaning_of(path: Path, outputs: NDArray[np.float32]) -> Meaning:
    """What outputs (n,classes) of this file are, by the operator it ends with, else by their values."""
    last = last_operator(path)
    inside = bool((outputs >= 0).all() and (outputs <= 1).all())
    if inside and (last == "softmax" or bool((np.abs(outputs.sum(axis=1) - 1) <= SUM).all())):
        return "softmax"
    return "sigmoid" if inside and last == "sigmoid" else "logits"


def as_logits(outputs: NDArray[np.float32], meaning: Meaning, step: float | None) -> NDArray[np.float32]:
    """Logits (n,classes) whose softmax or sigmoid gives these outputs.

    A probability of 0 is taken for half of the output's `step` where the file has integers, else for `LEAST`.
    """
    if meaning == "logits":
        return outputs
    least = step / 2 if step else LEAST
    if meaning == "softmax":
        return np.log(np.maximum(outputs, np.float32(least)))
    inside = np.clip(outputs, np.float32(least), np.float32(1 - least))
    return np.asarray(np.log(inside) - np.log1p(-inside), np.float32)


def last_operator(path: Path) -> str:
    """The operator that computes the first output, in small letters: "softmax", "sigmoid" or any other name."""
    return _last_of_onnx(path) if path.suffix == ".onnx" else _last_of_tflite(path)


def _last_of_onnx(path: Path) -> str:
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(graph.output[0].name)
    while node is not None and node.op_type in CARRYING:
        node = makers.get(node.input[0])
    return str(node.op_type).lower() if node is not None else ""


def _last_of_tflite(path: Path) -> str:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    names = {
        BuiltinOperator.SOFTMAX: "softmax",
        BuiltinOperator.LOGISTIC: "sigmoid",
        BuiltinOperator.RESHAPE: "",
        BuiltinOperator.SQUEEZE: "",
        BuiltinOperator.CAST: "",
        BuiltinOperator.QUANTIZE: "",
        BuiltinOperator.DEQUANTIZE: "",
    }
    file = unpack(path.read_bytes(), path.name)
    makers: dict[int, Any] = {
        int(index): operator for operator in file.subgraph.operators or [] for index in operator.outputs
    }
    operator = makers.get(int(file.subgraph.outputs[0]))
    while operator is not None:
        name = names.get(_code(file.codes[operator.opcodeIndex]), "other")
        if name:
            return name
        operator = makers.get(int(operator.inputs[0]))
    return ""


def _code(code: Any) -> int:
    """Old files keep an operator's number in the narrow field, and 0 in the other."""
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))
