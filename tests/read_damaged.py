"""Reads damaged files, by their numbers, one after the other in this process; a JSON line tells what came of each."""

import json
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from edgestill.pipeline.errors import BadInput, EdgestillError, Unsupported
from edgestill.pipeline.graph.execute import run_float, run_integer
from edgestill.pipeline.graph.from_onnx import lower
from edgestill.pipeline.graph.read import read_graph
from edgestill.pipeline.runtimes.runtime import describe, run
from edgestill.pipeline.runtimes.samples import as_input
from edgestill.tests.damaged_models import damaged
from edgestill.tests.own_memory import peak_bytes

SECONDS = 30  # a file that takes longer ends this process
CLOSE = 0.03  # LiteRT rounds the values that meet the int8 weights of a float layer, as kws_fp32 has them
MOST_STEPS = 16  # single steps of a QDQ file grow from layer to layer


def outcome(path: Path) -> tuple[str, str]:
    """Refused, and why; or read, and whether it means what a runtime finds in it."""
    try:
        describe(path)
        graph = read_graph(path)
        port = describe(path).inputs[0]
    except Unsupported as refusal:
        return "refused " + ", ".join(sorted({reason.split()[0] for reason in refusal.reasons})), str(refusal)
    except BadInput as refusal:
        return "refused", str(refusal)
    except Exception:
        return "FAULT", traceback.format_exc()
    signal.alarm(0)
    try:
        return meaning(path, graph, port)
    except EdgestillError as refusal:
        return "read, and refused by its runtime", str(refusal)
    except Exception:
        return "FAULT", traceback.format_exc()


def meaning(path: Path, graph: Any, port: Any) -> tuple[str, str]:
    integer = graph.is_integer()
    tensor = graph.tensors[graph.inputs[0]]
    x = np.random.default_rng(0).standard_normal((1, *tensor.shape[1:]), np.float32)
    values = lower(path.read_bytes())[1] if path.suffix == ".onnx" else {}
    fed = tensor.quantization.quantize(x) if integer else x
    with np.errstate(all="ignore"):
        ours = (run_integer if integer else run_float)(graph, [fed])[0]
    laid_out = values[port.name].as_onnx(x) if values else fed
    runtime: Any = "onnxruntime" if values else "tflite-micro" if integer else "litert-reference"
    theirs = run(path, [as_input(laid_out, port) if values else laid_out], runtime).outputs[0]
    if values:
        scale = graph.tensors[graph.outputs[0]].quantization
        ours = scale.dequantize(ours) if integer else ours
        theirs = values[describe(path).outputs[0].name].as_graph(theirs, graph.tensors[graph.outputs[0]].shape)
        most = MOST_STEPS * float(scale.per_tensor_scale) if integer else CLOSE * float(np.abs(theirs).max())
    else:
        most = 0.0 if integer else CLOSE * float(np.abs(theirs).max())
    if not np.isfinite(theirs).all():
        return "read, not finite", ""
    off = float(np.abs(ours.astype(np.float64) - theirs).max())
    return ("read, and right", "") if off <= most else ("read, and WRONG", f"off by {off:g}, allowed {most:g}")


def main(numbers: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            made = damaged(number)
            path = Path(folder) / f"net{made.ending}"
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
