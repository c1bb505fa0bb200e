"""What cannot become C is named at once, with a code and a remedy that works; what looks odd and can, does."""

import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgestill.pipeline.codegen.compile_file import code
from edgestill.pipeline.codegen.generate import generate
from edgestill.pipeline.codegen.refusals import REMEDIES
from edgestill.pipeline.data.travelling import Travelling
from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.graph import Graph, Node
from edgestill.pipeline.graph.operators import (
    Add,
    BatchMatMul,
    Dequantize,
    FullyConnected,
    Mean,
    Operator,
    PRelu,
    Quantize,
    Relu,
    Reshape,
    Rsqrt,
    Softmax,
)
from edgestill.pipeline.graph.tensor import Quantization, Tensor, per_tensor
from edgestill.pipeline.task import Task
from edgestill.tests.built_c import STRICT, built, check_in_c
from edgestill.tests.single_operator import graph_of, int8
from edgestill.tests.wanted import want_program

FINE = per_tensor(0.05, 3)
NARROW = per_tensor(1e-20, 0)


def of(*tensors: Tensor, nodes: list[Node], inputs: list[str], outputs: list[str]) -> Graph:
    return Graph({tensor.name: tensor for tensor in tensors}, tuple(nodes), tuple(inputs), tuple(outputs))


def one(operator: Operator, *inputs: Tensor, output: Quantization = FINE) -> Graph:
    return graph_of(operator, inputs, output)


def x(name: str = "x", shape: tuple[int, ...] = (4, 2), scale: Quantization = FINE, **fields: Any) -> Tensor:
    return replace(int8(name, shape, scale), **fields)


def constant(shape: tuple[int, ...] = (1, 4, 2), scale: Quantization = FINE) -> Tensor:
    return Tensor("c", shape, "int8", scale, np.full(shape, 127, np.int8))


def dense(bias: int) -> Graph:
    weights = replace(constant((3, 8)), quantization=per_tensor(0.01, 0))
    biases = Tensor("b", (3,), "int32", per_tensor(5e-4, 0), np.full(3, bias, np.int32))
    return one(FullyConnected(), x(), weights, biases)


def straight_through() -> Graph:
    return of(x(), x("y"), nodes=[Node(Relu(), ("x",), ("y",))], inputs=["x"], outputs=["x", "y"])


def twice_an_input() -> Graph:
    return of(x(), x("y"), nodes=[Node(Relu(), ("x",), ("y",))], inputs=["x", "x"], outputs=["y"])


def of_constants(operator: Operator) -> Graph:
    nodes = [Node(operator, ("c",), ("d",)), Node(Add(), ("x", "d"), ("y",))]
    return of(x(), constant(), x("d"), x("y"), nodes=nodes, inputs=["x"], outputs=["y"])


def float_ends() -> Graph:
    tensors = [Tensor("real", (1, 4, 2)), x(), Tensor("y", (1, 4, 2))]
    nodes = [Node(Quantize(), ("real",), ("x",)), Node(Dequantize(), ("x",), ("y",))]
    return of(*tensors, nodes=nodes, inputs=["real"], outputs=["y"])


REFUSED: dict[str, tuple[Graph, list[str], Graph | None]] = {
    "float ends": (float_ends(), ["C-FLOAT-IO", "C-FLOAT-IO", "C-FLOAT", "C-FLOAT"], one(Quantize(), x())),
    "wide integers": (one(Relu(), x(dtype="int16")), ["C-TYPE"], one(Relu(), x())),
    "unsigned integers": (one(Rsqrt(), x(dtype="uint8")), ["C-TYPE"], one(Rsqrt(), x())),
    "sums of ids": (one(Add(), x("a", dtype="int32"), x("b", dtype="int32")), ["C-TYPE"], None),
    "a batch": (one(Relu(), replace(x(), shape=(2, 4))), ["C-BATCH"], one(Relu(), x())),
    "an input straight to an output": (straight_through(), ["C-OUTPUT"], one(Relu(), x())),
    "an input named twice": (twice_an_input(), ["C-INPUT"], one(Relu(), x())),
    "a reshape of a constant": (of_constants(Reshape((1, 4, 2))), ["C-CONSTANT"], one(Add(), x(), constant())),
    "a layer of constants": (of_constants(Relu()), ["C-CONSTANT"], one(Add(), x(), constant())),
    "a sum to steps too small": (one(Add(), x("a"), x("b"), output=NARROW), ["C-OVERFLOW"], one(Add(), x(), x("b"))),
    "a change of scale": (one(Quantize(), x(), output=NARROW), ["C-OVERFLOW"], one(Quantize(), x())),
    "a slope": (one(PRelu(), x(), constant(), output=NARROW), ["C-OVERFLOW"], one(PRelu(), x(), constant())),
    "a mean": (one(Mean((1,)), x(), output=NARROW), ["C-OVERFLOW"], one(Mean((1,)), x())),
    "a bias": (dense(2**31 - 9), ["C-OVERFLOW"], dense(2**30)),
    "a long product": (
        one(BatchMatMul(), x("a", (1, 2**18)), x("b", (2**18, 1))),
        ["C-OVERFLOW"],
        one(BatchMatMul(), x("a", (1, 2**14)), x("b", (2**14, 1))),
    ),
    "shares of too many": (
        one(Softmax(), x(shape=(4096,)), output=per_tensor(1 / 256, -128)),
        ["C-OVERFLOW"],
        one(Softmax(), x(shape=(4095,)), output=per_tensor(1 / 256, -128)),
    ),
}


def test_many_layers_with_one_fault_are_told_in_one_line() -> None:
    tensors = [replace(x(name), dtype="int16") for name in "abcdef"]
    nodes = [Node(Relu(), (one,), (two,)) for one, two in pairwise("abcdef")]
    with pytest.raises(Unsupported) as refusal:
        generate(of(*tensors, nodes=nodes, inputs=["a"], outputs=["f"]), "net.tflite")
    (reason,) = refusal.value.reasons
    assert reason.startswith("C-TYPE  5 layers, layer 0 'b' (Relu) and numbers 1, 2, 3, 4: works on int16")


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_compiled_is_refused_and_its_remedy_works(what: str) -> None:
    graph, codes, cured = REFUSED[what]
    with pytest.raises(Unsupported, match="net.tflite: cannot be compiled") as refusal:
        generate(graph, "net.tflite")
    assert [reason.split()[0] for reason in refusal.value.reasons] == codes
    for reason in refusal.value.reasons:
        assert reason.endswith(REMEDIES[reason.split()[0]])
    if cured is not None:
        check_in_c(cured, seed=0)


def test_every_code_is_met() -> None:
    met = {found for _, codes, _ in REFUSED.values() for found in codes}
    assert met == set(REMEDIES) - {"C-OP"}  # every operator that an integer file holds has a kernel


def test_all_that_is_wrong_is_named_at_once() -> None:
    tensors = [x(), x("wide", dtype="int16"), x("narrow", scale=NARROW), x("y")]
    nodes = [
        Node(Relu(), ("x",), ("wide",)),
        Node(Quantize(), ("x",), ("narrow",)),
        Node(Add(), ("x", "narrow"), ("y",)),
    ]
    with pytest.raises(Unsupported) as refusal:
        generate(of(*tensors, nodes=nodes, inputs=["x"], outputs=["y", "wide"]), "net.tflite")
    assert [reason.split(" (")[0] for reason in refusal.value.reasons] == [
        "C-TYPE  layer 0 'wide'",
        "C-OVERFLOW  layer 1 'narrow'",
    ]


def test_odd_graphs_that_can_be_compiled_are() -> None:
    """An output that is read on, the same output twice, an input that nobody reads, a layer that nobody reads."""
    nodes = [
        Node(Relu(), ("x",), ("a",)),
        Node(Reshape((1, 8)), ("a",), ("b",)),
        Node(Relu(), ("a",), ("c",)),
        Node(Add(), ("c", "a"), ("d",)),
        Node(Relu(), ("x",), ("lost",)),
        Node(Add(), ("a", "a"), ("e",)),
    ]
    tensors = [x(), x("unread"), x("a"), x("b", (8,)), *(x(name, (4, 2), per_tensor(0.07, -4)) for name in "cde")]
    graph = of(*tensors, x("lost"), nodes=nodes, inputs=["x", "unread"], outputs=["a", "b", "d", "d", "e", "c"])
    check_in_c(graph, seed=0)


HOSTILE = (
    *(
        "*/ int x; /*",
        "**//**//",
        "/",
        "*",
        "??/",
        "???/\n#error",
        "\\",
        '"; }',
        "a\nb\r",
        "ключ 鍵",
        "\x1b[2J",
        "%s%n",
    ),
    *("", "MODEL_RUN", "\ud800"),
)
PRINTS = """\
#include "model.h"
#include <stdio.h>
int main(void) {
    static const char *const labels[] = MODEL_LABELS;
    for (unsigned i = 0; i < sizeof labels / sizeof *labels; i++) printf("%s|", labels[i]);
    return (int)MODEL_INPUTS - (int)MODEL_OUTPUTS;
}
"""


def hostile() -> Graph:
    """Each input and each output has another such name."""
    given = [x(f"x{index}", origin=name) for index, name in enumerate(HOSTILE)]
    made = [x(f"y{index}", origin=name) for index, name in enumerate(HOSTILE)]
    nodes = [Node(Relu(), (a.name,), (b.name,)) for a, b in zip(given, made, strict=True)]
    return of(*given, *made, nodes=nodes, inputs=[t.name for t in given], outputs=[t.name for t in made])


def test_what_a_file_calls_its_labels_stays_text(tmp_path: Path) -> None:
    files = code(generate(hostile(), "net"), "net", Travelling(task=Task("classify", HOSTILE)))
    said = subprocess.run([built(files, tmp_path, feed=PRINTS)], capture_output=True, check=True).stdout
    assert said == "".join(f"{label}|" for label in HOSTILE).encode(errors="replace")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_what_a_file_calls_its_tensors_and_itself_stays_comment(compiler: str, tmp_path: Path) -> None:
    want_program(compiler, "mcu")
    for title in HOSTILE:
        for name, text in code(generate(hostile(), "net"), title).items():
            (tmp_path / name).write_text(text)
        command = [compiler, *STRICT, "-fsyntax-only", "model.c"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode == 0, f"{title!r}: {ended.stderr}"
