"""LiteRT on the processor: its fast kernels (XNNPACK), or its reference kernels."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .interface import activations
from .session import Arrays, Run


class LiteRt:
    """A .tflite file in LiteRT's own choice of kernels, which keep no intermediate tensors."""

    def __init__(self, path: Path, every_tensor: bool) -> None:
        if every_tensor:
            raise ValueError("its kernels keep no intermediate tensors; ask litert-reference for them")
        self._open(path)

    def _open(self, path: Path, **options: Any) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(path), num_threads=1, **options)
        self._interpreter.allocate_tensors()
        self._inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()
        self._tensors: dict[str, int] = {}

    @property
    def batch(self) -> int:
        return int(self._inputs[0]["shape"][0])

    def facts(self) -> Mapping[str, Any]:
        return {"runtime": "litert", "version": version("ai-edge-litert")}

    def run(self, inputs: Arrays) -> Run:
        for port, array in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(port["index"], array)
        self._interpreter.invoke()
        outputs = [self._interpreter.get_tensor(port["index"]) for port in self._outputs]
        return Run(outputs, {name: self._interpreter.get_tensor(index) for name, index in self._tensors.items()})


class LiteRtReference(LiteRt):
    """A .tflite file in LiteRT's reference kernels, the plainest that it has."""

    def __init__(self, path: Path, every_tensor: bool) -> None:
        from ai_edge_litert.interpreter import OpResolverType

        resolver = OpResolverType.BUILTIN_REF
        self._open(path, experimental_op_resolver_type=resolver, experimental_preserve_all_tensors=every_tensor)
        self._tensors = activations(path) if every_tensor else {}

    def facts(self) -> Mapping[str, Any]:
        return {**super().facts(), "runtime": "litert-reference"}
