"""litert-torch's float export and ai-edge-quantizer, with true min and max in place of its moving averages.

Runs in an environment of its own: `python litert_torch_quantizer.py MATERIAL NET OUT` prints one JSON line a file.
"""

import json
import sys
import time
from pathlib import Path

import litert_torch
import numpy as np
import torch
from ai_edge_quantizer import quantizer, recipe
from ai_edge_quantizer.calibrator import Calibrator
from ai_edge_quantizer.recipe_manager import RecipeManager
from ai_edge_quantizer.utils import qsv_utils
from safetensors.torch import load_file
from zoo import SUBJECTS  # it lies beside: edgestill is not installed here


def main(material: Path, name: str, out: Path) -> None:
    torch.set_num_threads(1)
    net = SUBJECTS[name].build().eval()
    net.load_state_dict(load_file(material / f"{name}.safetensors"))
    calibration = np.load(material / f"{name}.npz")["calibration"]
    started = time.perf_counter()
    exact = out / f"{name}.float.tflite"
    litert_torch.convert(net, (torch.from_numpy(calibration[:1]),)).export(str(exact))
    chosen = recipe.static_wi8_ai8()
    rules = RecipeManager()
    rules.load_quantization_recipe(chosen)
    calibrator = Calibrator(str(exact), num_threads=1, qsv_update_func=qsv_utils.min_max_update)
    taken = calibration if calibration.dtype == np.float32 else calibration.astype(np.int32)  # ids, as converted
    calibrator.calibrate({"serving_default": [{"args_0": sample[None]} for sample in taken]}, rules)
    made = quantizer.Quantizer(str(exact), chosen).quantize(
        calibrator.get_model_qsvs(), enable_progress_bar=False, enable_progress_report=False
    )
    file = out / f"{name}.tflite"
    made.export_model(str(file), overwrite=True)
    seconds = time.perf_counter() - started
    print(json.dumps({"configuration": "min-max", "seconds": seconds, "file": str(file)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
