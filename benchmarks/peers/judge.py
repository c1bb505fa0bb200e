"""What a quantized file is worth: SQNR and agreement with the float net, bytes, TFLite Micro's arena."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from ...pipeline.errors import EdgestillError
from ...pipeline.graph.flatbuffer import pack
from ...pipeline.runtimes.runtime import arena_bytes
from ...pipeline.scratch import scratch_folder

Array = NDArray[Any]
FED = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}


@dataclass(frozen=True)
class Judged:
    """SQNR in dB against the float net's outputs, the share of samples with the same label (None: no labels), bytes,
    and TFLite Micro's arena in bytes, or why there is none.

    Of a file that keeps its weights outside the flatbuffer, TFLite Micro would make garbage: the arena is then that of
    the file with its weights moved in.
    """

    sqnr_db: float
    agreement: float | None
    bytes: int
    arena: int | None
    no_arena: str = ""
    weights_outside: bool = False


def judge(file: Path, samples: Array, exact: Array, classes: int) -> Judged:
    """The file run on samples (n,...) as torch has them, against the float net's outputs (n,k)."""
    outputs = (_onnx if file.suffix == ".onnx" else _tflite)(file, samples).reshape(len(samples), -1)
    agreement = float((outputs.argmax(1) == exact.argmax(1)).mean()) if classes else None
    decibels = sqnr(outputs, exact.reshape(outputs.shape))
    if file.suffix == ".onnx":
        return Judged(decibels, agreement, file.stat().st_size, None)
    whole, moved = with_weights_inside(file.read_bytes())
    return Judged(decibels, agreement, file.stat().st_size, *_arena(whole), moved)


def sqnr(outputs: Array, exact: Array) -> float:
    """Signal to quantization noise in dB: the power of the exact outputs over that of the error."""
    noise = float(((outputs.astype(np.float64) - exact) ** 2).sum())
    return 10 * math.log10(float((exact.astype(np.float64) ** 2).sum()) / max(noise, 1e-30))


def _onnx(file: Path, samples: Array) -> Array:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    shape = (1, *taken.shape[1:])  # a signal over time may be taken as an image of one row
    fed = samples.astype(FED[taken.type])  # token ids may be taken in another width
    return np.concatenate([session.run(None, {taken.name: sample.reshape(shape)})[0] for sample in fed])


def _tflite(file: Path, samples: Array) -> Array:
    """On LiteRT's reference kernels, which all TFLite files share; INT8 ends through the file's own scales."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    run = Interpreter(str(file), num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    run.allocate_tensors()
    taken, given = run.get_input_details()[0], run.get_output_details()[0]
    outputs = []
    for sample in samples:
        run.set_tensor(taken["index"], _steps(_laid_out(sample, tuple(taken["shape"])), taken))
        run.invoke()
        outputs.append(_reals(run.get_tensor(given["index"]), given))
    return np.concatenate(outputs)


def _laid_out(sample: Array, shape: tuple[int, ...]) -> Array:
    """A sample of torch's layout as the file's: channels last, a signal over time as an image of one row."""
    one = sample[None]
    for laid_out in (one, one.transpose(0, *range(2, one.ndim), 1) if one.ndim > 2 else one):
        if laid_out.shape == shape:
            return np.ascontiguousarray(laid_out)
    if one.ndim == 3 and shape == (1, 1, one.shape[2], one.shape[1]):
        return np.ascontiguousarray(one.transpose(0, 2, 1)[:, None])
    return one.reshape(shape)


def _steps(real: Array, detail: dict[str, Any]) -> Array:
    scale, zero = detail["quantization"]
    if detail["dtype"] != np.int8:
        return real.astype(detail["dtype"])
    return np.asarray(np.clip(np.round(real / scale) + zero, -128, 127), np.int8)


def _reals(values: Array, detail: dict[str, Any]) -> Array:
    scale, zero = detail["quantization"]
    if detail["dtype"] != np.int8:
        return values
    real: Array = (values.astype(np.float32) - zero) * np.float32(scale)
    return real


def _arena(data: bytes) -> tuple[int | None, str]:
    with scratch_folder() as folder:
        file = folder / "judged.tflite"
        file.write_bytes(data)
        try:
            return arena_bytes(file).total, ""
        except EdgestillError as error:
            return None, str(error).splitlines()[0][:200]


def with_weights_inside(data: bytes) -> tuple[bytes, bool]:
    """A TFLite file without data outside its flatbuffer, and whether that had to be moved in."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    outside = [buffer for buffer in model.buffers if buffer.offset > 1]
    for buffer in outside:
        buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0
    return (pack(model), True) if outside else (data, False)
