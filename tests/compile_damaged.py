"""Compiles damaged integer files, by their numbers, one after the other in this process; a JSON line tells of each."""

import json
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgestill.pipeline.codegen.compile_file import compile_file
from edgestill.pipeline.codegen.golden import seeded_inputs
from edgestill.pipeline.errors import EdgestillError
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.from_tflite import from_tflite
from edgestill.pipeline.graph.graph import Graph
from edgestill.pipeline.graph.operators import (
    Add,
    BatchMatMul,
    Concat,
    LeakyRelu,
    Mean,
    Mul,
    Operator,
    PRelu,
    Quantize,
    ResizeBilinear,
    Softmax,
    Sub,
    Transpose,
)
from edgestill.pipeline.graph.tensor import Tensor, per_tensor
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.tests.built_c import built, outputs_of
from edgestill.tests.damaged_models import BYTES, MLPERF, Damaged, changed
from edgestill.tests.damaged_tflite import TFLITE
from edgestill.tests.own_memory import peak_bytes
from edgestill.tests.single_operator import graph_of, int8
from edgestill.tests.test_codegen_operators import side_by_side

COUNT = 200
SECONDS = 60  # a file that takes longer ends this process
SCALE = per_tensor(0.05, 3)


def operators() -> Graph:
    """One small layer of many kinds, side by side."""
    image, row = int8("x", (4, 3, 2), SCALE), int8("x", (5, 6), SCALE)
    slopes = Tensor("s", (1, 1, 1, 2), "int8", SCALE, np.array([9, -7], np.int8).reshape(1, 1, 1, 2))
    other = int8("z", (4, 3, 2), per_tensor(0.03, -9))
    layers: list[tuple[Operator, list[Tensor]]] = [
        *((Add("relu"), [image, other]), (Sub(), [image, other]), (Mul(), [image, other]), (PRelu(), [image, slopes])),
        *((Mean((1,)), [row]), (LeakyRelu(0.1), [row]), (Quantize(), [row]), (Transpose((0, 2, 1)), [row])),
        *((ResizeBilinear((7, 5)), [image]), (Concat(1), [image, zeros(image)])),
        (BatchMatMul(True), [row, int8("z", (4, 6), SCALE)]),
    ]
    graphs = [graph_of(operator, inputs, SCALE) for operator, inputs in layers]
    return side_by_side([*graphs, graph_of(Softmax(), [row], per_tensor(1 / 256, -128))])


def zeros(image: Tensor) -> Tensor:
    return Tensor("z", image.shape, "int8", SCALE, np.zeros(image.shape, np.int8))


def a_scale_of_any_size(dice: Random, model: Any) -> None:
    quantized = [
        t for t in model.subgraphs[0].tensors if t.quantization is not None and t.quantization.scale is not None
    ]
    for tensor in dice.sample(quantized, 2):
        factor = 10.0 ** (dice.uniform(-1, 1) * dice.choice([1, 4, 20]))
        tensor.quantization.scale = [float(np.float32(scale * factor)) for scale in tensor.quantization.scale]


def biases_at_the_edge(dice: Random, model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if tensor.type == schema.TensorType.INT32 and data is not None and len(data):
            edge = dice.choice([-(2**31), 2**31 - 1, 2**30, -(2**23), 2**23])
            model.buffers[tensor.buffer].data = np.full(len(data) // 4, edge, np.int32).tobytes()


def weights_at_the_edge(dice: Random, model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if tensor.type == schema.TensorType.INT8 and data is not None and len(data):
            model.buffers[tensor.buffer].data = np.full(len(data), dice.choice([-128, 127]), np.int8).tobytes()


def zero_points_at_the_edge(dice: Random, model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        if model.buffers[tensor.buffer].data is None and tensor.quantization is not None:
            tensor.quantization.zeroPoint = [dice.choice([-128, 127])]


def names_that_end_comments(dice: Random, model: Any) -> None:
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        tensor.name = (
            dice.choice([b"*/ int x; /*", b"??/", b"\\", b"\n#error\n", b'"%s', b"\xff"]) + str(index).encode()
        )


def other_outputs(dice: Random, model: Any) -> None:
    graph = model.subgraphs[0]
    made = [int(layer.outputs[0]) for layer in graph.operators]
    also = dice.choice([[], [], list(map(int, graph.inputs))])
    graph.outputs = [dice.choice([*made, *also]) for _ in range(dice.randrange(1, 5))]


def other_inputs(dice: Random, model: Any) -> None:
    graph = model.subgraphs[0]
    graph.inputs = [*map(int, graph.inputs), dice.randrange(len(graph.tensors))]


INTEGER = (
    a_scale_of_any_size, biases_at_the_edge, weights_at_the_edge, zero_points_at_the_edge, names_that_end_comments,
    other_outputs, other_inputs,
)  # fmt: skip
WAYS: tuple[Callable[..., None], ...] = (*INTEGER, *TFLITE, *INTEGER, *BYTES, *INTEGER)


def damaged(number: int) -> Damaged:
    """The file of this number, 0 to COUNT - 1: every way of harm in turn, to one of three integer files."""
    dice, way = Random(number), WAYS[number % len(WAYS)]
    source = dice.choice(["kws", "ad", "operators", "operators"]) if way in INTEGER else "kws"
    data = to_tflite(operators()) if source == "operators" else (MLPERF / f"{source}_int8.tflite").read_bytes()
    return Damaged(f"{source} {way.__name__}", ".tflite", changed(way, dice, data))


def outcome(path: Path) -> tuple[str, str]:
    """Refused, and why; or compiled, and whether it computes what its graph says."""
    try:
        files = compile_file(path).files
    except EdgestillError as refusal:
        return "refused", str(refusal)
    except Exception:
        return "FAULT", traceback.format_exc()
    try:
        graph = from_tflite(path.read_bytes())
        inputs = seeded_inputs(graph, 3, seed=1)
        with tempfile.TemporaryDirectory() as folder:
            found = outputs_of(built(files, Path(folder)), graph, inputs)
        alike = [np.array_equal(*pair) for pair in zip(found, run_integer(graph, inputs), strict=True)]
        return ("compiled, and right", "") if all(alike) else ("compiled, and WRONG", f"{alike}")
    except Exception:
        return "FAULT", traceback.format_exc()


def main(numbers: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.tflite"
        for number in numbers:
            made = damaged(number)
            path.write_bytes(made.data)
            signal.alarm(SECONDS)
            began = time.monotonic()
            found, words = outcome(path)
            signal.alarm(0)
            seconds, peak = time.monotonic() - began, peak_bytes()
            said = {"number": number, "what": made.what, "outcome": found, "words": words}
            print(json.dumps({**said, "seconds": seconds, "peak": peak}), flush=True)


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])
