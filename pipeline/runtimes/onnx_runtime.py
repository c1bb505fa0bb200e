"""ONNX Runtime on the processor."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .session import ANY_BATCH, Arrays, Run


class OnnxRuntime:
    """An .onnx file; with `every_tensor` not optimised, so that each tensor is computed as the file says."""

    def __init__(self, path: Path, every_tensor: bool) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        if every_tensor:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        model = _with_every_output(path) if every_tensor else str(path)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._inputs = [port.name for port in self._session.get_inputs()]
        self._names = [port.name for port in self._session.get_outputs()]
        self._outputs = _outputs(path) if every_tensor else self._names
        self._version = onnxruntime.__version__

    @property
    def batch(self) -> int:
        shape = self._session.get_inputs()[0].shape
        return shape[0] if shape and isinstance(shape[0], int) else ANY_BATCH

    def facts(self) -> Mapping[str, Any]:
        return {"runtime": "onnxruntime", "version": self._version}

    def run(self, inputs: Arrays) -> Run:
        arrays = self._session.run(None, dict(zip(self._inputs, inputs, strict=True)))
        values = dict(zip(self._names, arrays, strict=True))
        return Run([values[name] for name in self._outputs], values if len(values) > len(self._outputs) else {})


def _outputs(path: Path) -> list[str]:
    import onnx

    return [output.name for output in onnx.load(path, load_external_data=False).graph.output]


def _with_every_output(path: Path) -> bytes:
    """The model with the output of every node among its own; ONNX Runtime infers their types."""
    import onnx

    model = onnx.load(path)
    known = {output.name for output in model.graph.output}
    for node in model.graph.node:
        for name in node.output:
            if name and name not in known:
                model.graph.output.append(onnx.ValueInfoProto(name=name))
    data: bytes = model.SerializeToString()
    return data
