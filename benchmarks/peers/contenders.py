"""Who takes part: the script that quantizes a net, and the packages its own environment needs."""

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Contender:
    """One quantizer. `packages` are pinned: the figures are those of these versions. None: our own environment."""

    name: str
    script: str
    packages: tuple[str, ...] | None


CONTENDERS = (
    Contender("edgestill", "ours", None),
    Contender(
        "ONNX Runtime quantize_static",
        "onnx_runtime_quantizer",
        ("torch==2.13.0", "numpy==2.4.6", "safetensors", "onnx==1.23.2", "onnxscript==0.7.2", "onnxruntime==1.31.1"),
    ),
    Contender(
        "litert-torch + ai-edge-quantizer",
        "litert_torch_quantizer",
        ("torch==2.13.0", "safetensors", "litert-torch==0.10.0", "ai-edge-quantizer==0.10.0"),
    ),
)


def python_of(contender: Contender, environments: Path) -> Path:
    """The interpreter that runs a contender; its environment is made when it is not there (minutes, gigabytes)."""
    if contender.packages is None:
        return Path(sys.executable)
    folder = environments / contender.script
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *contender.packages], check=True)
        (folder / "ready").touch()
    return python


def quantized(contender: Contender, python: Path, material: Path, net: str, out: Path) -> Iterator[dict[str, Any]]:
    """What the contender made of a net: a configuration, seconds and a file each; or the `error` it ended with."""
    own = contender.packages is None
    script = ["-m", f"{__package__}.{contender.script}"] if own else [str(HERE / f"{contender.script}.py")]
    out.mkdir(parents=True, exist_ok=True)
    command = [str(python), *script, str(material), net, str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    made = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    yield from made
    if ended.returncode or not made:
        said = ended.stderr.strip().splitlines()
        yield {"configuration": "", "error": said[-1] if said else f"exit code {ended.returncode}"}
