"""From a torch module to our three files: `python -m edgestill.benchmarks.peers.ours MATERIAL NET OUT`."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from ...pipeline.graph.from_onnx import from_onnx
from ...pipeline.graph.to_onnx import to_onnx
from ...pipeline.graph.to_tflite import to_tflite
from ...pipeline.models.export import onnx_of
from ...pipeline.quantization.calibrate import calibrate
from ...pipeline.quantization.quantize import QuantizationOptions, quantize
from .zoo import SUBJECTS


def main(material: Path, name: str, out: Path) -> None:
    torch.set_num_threads(1)
    net = SUBJECTS[name].build().eval()
    net.load_state_dict(load_file(material / f"{name}.safetensors"))
    calibration = np.load(material / f"{name}.npz")["calibration"]
    started = time.perf_counter()
    model = onnx_of(net, torch.from_numpy(calibration[:1]), name).SerializeToString()
    exported = time.perf_counter() - started
    graph = from_onnx(model, name)
    samples = channels_last(calibration)
    integer = quantize(graph, calibrate(graph, iter(np.array_split(samples, 8))), samples, QuantizationOptions())
    (out / f"{name}.tflite").write_bytes(to_tflite(integer))
    (out / f"{name}.onnx").write_bytes(to_onnx(integer))
    (out / f"{name}.float.tflite").write_bytes(to_tflite(graph))
    seconds = time.perf_counter() - started
    for suffix in ("tflite", "onnx"):
        said = {"configuration": "defaults", "seconds": seconds, "from_onnx_seconds": seconds - exported}
        print(json.dumps({**said, "file": str(out / f"{name}.{suffix}")}))


def channels_last(samples: NDArray[Any]) -> NDArray[Any]:
    """(n,c,h,w) to (n,h,w,c), (n,c,t) to (n,1,t,c); others as they are."""
    if samples.ndim == 3:
        samples = samples[:, :, None]
    return np.ascontiguousarray(samples.transpose(0, 2, 3, 1)) if samples.ndim == 4 else samples


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
