"""What a model file takes and gives, read from the file without running it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import BadModel
from ..graph.flatbuffer import DAMAGE, File, unpack
from ..graph.tensor import Tensor
from ..graph.tflite_tensors import TensorTable


@dataclass(frozen=True)
class Port:
    """An input or output: its shape with the batch first (-1 where any length fits) and how its integers are scaled."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class Interface:
    """Inputs and outputs in the file's order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def describe(path: Path) -> Interface:
    """The interface of an .onnx or .tflite file; BadModel when it cannot be read."""
    readers = {".onnx": _onnx, ".tflite": _tflite}
    if not path.is_file():
        raise BadModel(f"{path}: no such file")
    if path.suffix not in readers:
        raise BadModel(f"{path.name}: unknown ending {path.suffix!r}; models are .onnx or .tflite")
    return readers[path.suffix](path)


@dataclass(frozen=True)
class Arithmetic:
    """What most operators of a file compute with, and how many operators there are."""

    precision: Literal["int8", "float"]
    operators: int


def arithmetic(path: Path) -> Arithmetic:
    """Of an .onnx or .tflite file; BadModel when it cannot be read. A float file may keep its weights as int8."""
    if path.suffix == ".onnx":
        operators = [node.op_type for node in _onnx_graph(path).node]
        integer = any(name.startswith("QLinear") or name.endswith("Integer") for name in operators)
        layers = sum(name not in ("QuantizeLinear", "DequantizeLinear") for name in operators)
        return Arithmetic("int8" if integer or layers < len(operators) else "float", layers)
    file = unpack(path.read_bytes(), path.name)
    given = [_tensors(file, operator.outputs, path) for operator in file.subgraph.operators or []]
    whole = sum(any(tensor.dtype in ("int8", "uint8", "int16") for tensor in one) for one in given)
    return Arithmetic("int8" if 2 * whole > len(given) else "float", len(given))


def activations(path: Path) -> dict[str, int]:
    """The tensors of a .tflite file that its operators write: name, as `from_tflite` names it, to index."""
    file = unpack(path.read_bytes(), path.name)
    indices = [int(index) for operator in file.subgraph.operators or [] for index in operator.outputs]
    return {tensor.name: index for tensor, index in zip(_tensors(file, indices, path), indices, strict=True)}


def rounds_while_it_runs(path: Path) -> bool:
    """Whether layers of a float .tflite file keep int8 weights: LiteRT rounds what meets them to int8 in a run."""
    if path.suffix != ".tflite":
        return False
    file = unpack(path.read_bytes(), path.name)
    layers = (_tensors(file, operator.inputs, path) for operator in file.subgraph.operators or [])
    return any(x.dtype == "float32" and any(w.dtype == "int8" for w in rest) for x, *rest in layers)


def _tflite(path: Path) -> Interface:
    file = unpack(path.read_bytes(), path.name)
    inputs, outputs = (_tensors(file, indices, path) for indices in (file.subgraph.inputs, file.subgraph.outputs))
    return Interface(tuple(map(_port, inputs)), tuple(map(_port, outputs)))


def _tensors(file: File, indices: Any, path: Path) -> list[Tensor]:
    try:
        return TensorTable(file, path.name).of(indices)
    except DAMAGE as error:
        raise BadModel(f"{path.name}: damaged or cut short; get the file again") from error


def _port(tensor: Tensor) -> Port:
    quantization = tensor.quantization
    if quantization is None:
        return Port(tensor.name, tensor.shape, tensor.dtype)
    return Port(tensor.name, tensor.shape, tensor.dtype, quantization.per_tensor_scale, quantization.zero_point)


def _onnx_graph(path: Path) -> Any:
    import onnx

    try:
        return onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf raises a DecodeError of its own
        raise BadModel(f"{path.name}: damaged, or no ONNX file; get the file again") from error


def _onnx(path: Path) -> Interface:
    graph = _onnx_graph(path)
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if not graph.output:
        raise BadModel(f"{path.name}: has no outputs: damaged, or no ONNX file; get the file again")
    return Interface(tuple(map(_onnx_port, inputs)), tuple(map(_onnx_port, graph.output)))


def _onnx_port(value: Any) -> Port:
    from onnx.helper import tensor_dtype_to_np_dtype

    tensor = value.type.tensor_type
    shape = tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in tensor.shape.dim)
    dtype = tensor_dtype_to_np_dtype(tensor.elem_type).name if tensor.elem_type else "undefined"
    return Port(value.name, shape, dtype)
