"""An ONNX file in ONNX Runtime's own format, .ort, which its builds for phones and browsers load without a parser."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..errors import MissingTool
from ..scratch import scratch_folder
from .parity import Parity, compare_outputs
from .samples import infer

CONVERTER = "onnxruntime.tools.convert_onnx_models_to_ort"
OPTIONS = ("--optimization_style", "Fixed", "--target_platform", "arm")  # what phones have
TIMEOUT = 300.0  # seconds
CURE = "leave --ort out, or install it again with: pip install --force-reinstall onnxruntime"
LEAST_SQNR_DB = 20.0  # between integers in ONNX Runtime's kernels for one processor and for another


def require_converter() -> None:
    """MissingTool unless ONNX Runtime's converter is there."""
    try:
        found = find_spec(CONVERTER) is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise MissingTool(f"{CONVERTER}, which writes .ort files, is not installed: {CURE}")


def to_ort(onnx: Path) -> bytes:
    """The model optimized for ARM processors; ONNX Runtime lays it out otherwise every time, and keeps no
    metadata. MissingTool when its converter is not there or fails."""
    require_converter()
    with scratch_folder() as folder:
        command = [sys.executable, "-P", "-m", CONVERTER, *OPTIONS, "--output_dir", str(folder), str(onnx)]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
            words = next(iter(reversed(done.stderr.strip().splitlines())), "") if done.returncode else ""
        except subprocess.TimeoutExpired:
            words = f"no answer within {TIMEOUT:g} s"
        made = folder / f"{onnx.stem}.ort"
        if words or not made.is_file():
            raise MissingTool(f"{onnx.name}: {CONVERTER} fails: {words or 'it wrote no file'}; {CURE}")
        return made.read_bytes()


def compare_converted(onnx: Path, ort: Path, samples: NDArray[Any]) -> Parity:
    """Whether both give the same outputs for samples (n, ...): as integer kernels of two processors do, end to end."""
    outputs = infer(onnx, samples), infer(onnx, samples, converted=ort)
    return compare_outputs(onnx, ort, outputs, LEAST_SQNR_DB)
