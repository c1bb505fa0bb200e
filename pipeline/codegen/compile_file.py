"""`edgestill compile`: a full-integer .tflite file, ours or anybody's, to a folder of C11."""

import json
from dataclasses import dataclass
from pathlib import Path

from ..data.travelling import Travelling, travelling
from ..disk import written_to
from ..errors import BadInput, choices
from ..preprocess import Preprocess
from ..scratch import scratch_folder
from .c_text import identifier
from .generate import Generated, generate
from .golden import SELF_TEST, golden
from .integers import integers_alone
from .manifest import Manifest, manifest
from .preference import BALANCED, CodeOptions
from .source import header, kernel_text, kernels_of, source

CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
WITHOUT_PAIRS = ("cortex-m0", "cortex-m3")  # no instructions that multiply pairs of halves
NOTHING = Travelling()
CURE = "name another folder with --out"
CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project({name} C)
set(CMAKE_C_STANDARD 11)
add_library({name}_network STATIC model.c)
target_include_directories({name}_network PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
target_compile_options({name}_network PRIVATE -O2 -Wall -Wextra -ffunction-sections -fdata-sections)
if(NOT CMAKE_CROSSCOMPILING)
  enable_testing()
  add_executable({name}_selftest selftest.c)
  target_compile_definitions({name}_selftest PRIVATE MODEL_SELFTEST_MAIN)
  target_link_libraries({name}_selftest {name}_network)
  add_test(NAME {name}_selftest COMMAND {name}_selftest)
endif()
"""


@dataclass(frozen=True)
class Package:
    """The files of a package by name, and what its manifest says."""

    files: dict[str, str]
    manifest: Manifest

    def write(self, out: Path) -> None:
        """Writes the folder whole or not at all. A package that is there is replaced; `BadInput` for anything else that
        is there, and for a package with files of somebody beside its own."""
        out = out.resolve()
        if out.exists():
            _refuse_others(out)
        with written_to(out.parent, CURE):
            out.parent.mkdir(parents=True, exist_ok=True)
            with scratch_folder(out.parent) as folder:
                made = folder / "made"
                made.mkdir()
                for name, text in self.files.items():
                    (made / name).write_text(text, encoding="utf-8")
                if out.exists():
                    out.rename(folder / "before")
                made.rename(out)


def compile_file(path: Path, core: str | None = None, name: str = "", options: CodeOptions = BALANCED) -> Package:
    """The package of a .tflite file, called `name` or as the file is; of one with float ends, of its integers.

    Raises BadModel and `Unsupported` for what cannot be read or compiled.
    """
    if core not in (None, *CORES):
        raise BadInput(f"no core is named {core!r}; there are {choices(CORES, core)}")
    if _is_package(path):
        raise BadInput(f"{path}: is a C package already; `edgestill bench {path} --on emu:cortex-m4` runs it")
    if options.prefer == "speed" and core in WITHOUT_PAIRS:
        raise BadInput(
            f"prefer: speed needs instructions that {core} lacks, and balanced code is faster there; take that"
        )
    if path.suffix != ".tflite":
        raise BadInput(f"{path}: is no .tflite file; `edgestill quantize` makes a full-integer one")
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    with integers_alone(path) as (integers, graph):
        made = generate(graph, path.name, options)
        vectors = golden(integers, graph)
    name = name or path.name.removesuffix(".tflite").removesuffix(".int8")
    files = {
        **code(made, name, travelling(graph.metadata, path.name)),
        "golden.h": vectors,
        "selftest.c": SELF_TEST,
        "CMakeLists.txt": CMAKE.format(name=identifier(name)),
    }
    about = manifest(made, name, path.read_bytes(), core, files)
    return Package({**files, "manifest.json": about.text()}, about)


def code(made: Generated, title: str, meaning: Travelling = NOTHING) -> dict[str, str]:
    """model.h, model.c and the kernels that they use."""
    labels = meaning.task.labels if meaning.task else ()
    return {
        "model.h": header(made, title, labels, _preprocess_in_words(meaning.preprocess)),
        "model.c": source(made, title),
        **{kernel: kernel_text(kernel, made.options) for kernel in kernels_of(made.steps)},
    }


def _preprocess_in_words(preprocess: Preprocess | None) -> str:
    if preprocess is None:
        return "How raw values become the input is not told by the file that this was made from."
    words = f"Raw samples: {preprocess.dtype} {' x '.join(map(str, preprocess.shape))}"
    if preprocess.front_end is not None:
        words += f", features of the front end {preprocess.front_end.name!r}, which this package does not contain"
    if preprocess.of_tokens:
        return f"{words}; the input takes them as they are."
    mean, std = list(preprocess.mean), list(preprocess.std)
    return f"{words}.\nreal = (raw / {preprocess.divisor:g} - mean) / std with mean {mean}, std {std}."


def _is_package(folder: Path) -> bool:
    return (folder / "manifest.json").is_file() and (folder / "model.h").is_file()


def _refuse_others(out: Path) -> None:
    """`BadInput` where something would be lost that no `compile` wrote."""
    if not _is_package(out):
        raise BadInput(f"{out}: is there and is no C package; name another folder with --out")
    try:
        ours = {"manifest.json", *json.loads((out / "manifest.json").read_text())["files"]}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{out}: its manifest.json cannot be read; name another folder with --out") from error
    others = sorted(file.name for file in out.iterdir() if file.name not in ours)
    if others:
        raise BadInput(f"{out}: holds files that are not the package's: {', '.join(others)}; name another with --out")
