"""ONNX Runtime's `quantize_static`: QDQ, weights per channel, activations as uint8, with each of its ways to calibrate.

Runs in an environment of its own: `python onnx_runtime_quantizer.py MATERIAL NET OUT` prints one JSON line a file.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from safetensors.torch import load_file
from zoo import SUBJECTS  # it lies beside: edgestill is not installed here

METHODS = {
    "min-max": (CalibrationMethod.MinMax, {}),
    "percentile 99.99": (CalibrationMethod.Percentile, {"CalibPercentile": 99.99}),
    "entropy": (CalibrationMethod.Entropy, {}),
}


class Samples(CalibrationDataReader):  # type: ignore[misc]
    """One sample after another."""

    def __init__(self, samples: "np.ndarray[Any, Any]") -> None:
        self.left: Iterator[Any] = iter(samples)

    def get_next(self) -> dict[str, Any] | None:
        sample = next(self.left, None)
        return None if sample is None else {"input": sample[None]}


def main(material: Path, name: str, out: Path) -> None:
    torch.set_num_threads(1)
    net = SUBJECTS[name].build().eval()
    net.load_state_dict(load_file(material / f"{name}.safetensors"))
    calibration = np.load(material / f"{name}.npz")["calibration"]
    for configuration, (method, options) in METHODS.items():
        started = time.perf_counter()
        exact, prepared = out / f"{name}.float.onnx", out / f"{name}.prepared.onnx"
        file = out / f"{name}.{configuration.replace(' ', '-')}.onnx"
        example = (torch.from_numpy(calibration[:1]),)
        torch.onnx.export(net, example, str(exact), dynamo=False, opset_version=17, input_names=["input"])
        quant_pre_process(str(exact), str(prepared))
        quantize_static(
            str(prepared),
            str(file),
            Samples(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=method,
            extra_options=options,
        )
        seconds = time.perf_counter() - started
        print(json.dumps({"configuration": configuration, "seconds": seconds, "file": str(file)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
