"""Who takes part: the script that quantizes a net, and the packages its own environment needs."""

import json
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LONGEST = 1800  # seconds that one net may take
SAY_VERSIONS = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


@dataclass(frozen=True)
class Contender:
    """One quantizer. `packages` are pinned: the figures are those of these versions. None: our own environment.

    `named` are the packages whose versions stand beside the figures.
    """

    name: str
    script: str
    packages: tuple[str, ...] | None
    named: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """A file that a contender made of a net, and the seconds from the torch module to all of its files; the seconds
    from ONNX are those of the part behind the export. Or the error that it ended with."""

    configuration: str = ""
    seconds: float = 0.0
    from_onnx_seconds: float | None = None
    file: str = ""
    error: str = ""


CONTENDERS = (
    Contender("edgestill", "ours", None, ("edgestill", "torch", "numpy", "onnx", "ai-edge-litert")),
    Contender(
        "ONNX Runtime quantize_static",
        "onnx_runtime_quantizer",
        ("torch==2.13.0", "numpy==2.4.6", "safetensors", "onnx==1.23.2", "onnxscript==0.7.2", "onnxruntime==1.31.1"),
        ("onnxruntime", "torch", "numpy", "onnx"),
    ),
    Contender(
        "litert-torch + ai-edge-quantizer",
        "litert_torch_quantizer",
        ("torch==2.13.0", "safetensors", "litert-torch==0.10.0", "ai-edge-quantizer==0.10.0"),
        ("litert-torch", "ai-edge-quantizer", "torch", "numpy", "ai-edge-litert"),
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


def versions(contender: Contender, python: Path) -> Mapping[str, str]:
    """The versions of the packages that make a contender's figures."""
    command = [str(python), "-c", SAY_VERSIONS, *contender.named]
    told: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told


def quantized(contender: Contender, python: Path, material: Path, net: str, out: Path) -> Iterator[Made]:
    """What the contender made of a net, file by file."""
    own = contender.packages is None
    script = ["-m", f"{__package__}.{contender.script}"] if own else [str(HERE / f"{contender.script}.py")]
    out.mkdir(parents=True, exist_ok=True)
    command = [str(python), *script, str(material), net, str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    made = [Made(**json.loads(line)) for line in ended.stdout.splitlines() if line.startswith("{")]
    yield from made
    if ended.returncode or not made:
        said = ended.stderr.strip().splitlines()
        yield Made(error=said[-1] if said else f"exit code {ended.returncode}")
