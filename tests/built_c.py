"""A graph as C, built by the host's compiler with sanitizers, and run: what the tests of the C kernels share."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgestill.pipeline.codegen.compile_file import code
from edgestill.pipeline.codegen.generate import generate
from edgestill.pipeline.codegen.preference import BALANCED, CodeOptions
from edgestill.pipeline.graph.execute import run_integer
from edgestill.pipeline.graph.graph import Graph
from edgestill.tests.single_operator import samples
from edgestill.tests.wanted import want_program

Arrays = Sequence[NDArray[Any]]
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FEED = """\
#include "model.h"
#include <stdio.h>
int main(void) {
    static const uint32_t in[] = MODEL_INPUT_BYTES, out[] = MODEL_OUTPUT_BYTES;
    for (;;) {
        for (unsigned i = 0; i < MODEL_INPUTS; i++) {
            if (fread(model_input(i), 1, in[i], stdin) != in[i]) return 0;
        }
        model_run();
        for (unsigned i = 0; i < MODEL_OUTPUTS; i++) fwrite(model_output(i), 1, out[i], stdout);
    }
}
"""


def built(files: dict[str, str], folder: Path, *flags: str, compiler: str = "gcc", feed: str = FEED) -> Path:
    """A program that reads samples from its standard input and writes outputs, all inputs of a sample in turn."""
    for name, text in {**files, "feed.c": feed}.items():
        (folder / name).write_text(text)
    want_program(compiler, "mcu")
    program = folder / "feed"
    command = [compiler, *STRICT, *SANITIZED, "-O1", *flags, "model.c", "feed.c", "-o", str(program)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return program


def check_strictly(files: dict[str, str], folder: Path) -> None:
    """Every warning that a compiler finds once it looks through calls is an error."""
    for name, text in files.items():
        (folder / name).write_text(text)
    for level in ("-O2", "-Os"):
        command = [want_program("gcc", "mcu"), *STRICT, level, "-c", "model.c", "-o", "model.o"]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr


def outputs_of(program: Path, graph: Graph, inputs: Arrays) -> list[NDArray[Any]]:
    """The outputs (n, ...) for inputs (n, ...)."""
    rows = [np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8) for array in inputs]
    ended = subprocess.run([program], input=np.concatenate(rows, axis=1).tobytes(), capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()
    tensors = graph.of(graph.outputs)
    sizes = [int(np.prod(t.shape)) * np.dtype(t.dtype).itemsize for t in tensors]
    found = np.frombuffer(ended.stdout, np.uint8).reshape(len(inputs[0]), sum(sizes))
    parts = np.split(found, np.cumsum(sizes)[:-1], axis=1)
    return [
        np.ascontiguousarray(part).view(t.dtype).reshape(len(found), *t.shape[1:])
        for part, t in zip(parts, tensors, strict=True)
    ]


def check_in_c(graph: Graph, seed: int, *flags: str, options: CodeOptions = BALANCED) -> None:
    """The C gives what the integer statement gives, bit for bit, and no sanitizer complains."""
    inputs = samples(graph, seed)
    with tempfile.TemporaryDirectory() as folder:
        program = built(code(generate(graph, "net", options), "net"), Path(folder), *flags)
        found = outputs_of(program, graph, inputs)
    for ours, theirs in zip(found, run_integer(graph, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)
