"""Inputs with the outputs that TFLite Micro gives for them, and a self test that runs on the host and on the target."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.graph import Graph
from ..graph.tensor import Tensor
from ..runtimes.runtime import run
from .c_text import array

Arrays = Sequence[NDArray[Any]]

SELF_TEST = """\
/* Runs the network on known inputs and compares every byte of its outputs with TFLite Micro's. */
#include "golden.h"
#include "model.h"

/* How many bytes differ: 0 when the network computes here what it must. */
unsigned model_selftest(void);

unsigned model_selftest(void) {
    static const uint32_t input_bytes[MODEL_INPUTS] = MODEL_INPUT_BYTES;
    static const uint32_t output_bytes[MODEL_OUTPUTS] = MODEL_OUTPUT_BYTES;
    unsigned wrong = 0;
    for (unsigned i = 0; i < MODEL_INPUTS; i++) {
        uint8_t *to = model_input(i);
        for (uint32_t k = 0; k < input_bytes[i]; k++) {
            to[k] = golden_inputs[i][k];
        }
    }
    model_run();
    for (unsigned i = 0; i < MODEL_OUTPUTS; i++) {
        const uint8_t *from = model_output(i);
        for (uint32_t k = 0; k < output_bytes[i]; k++) {
            wrong += from[k] != golden_outputs[i][k];
        }
    }
    return wrong;
}

#ifdef MODEL_SELFTEST_MAIN
int main(void) {
    return model_selftest() ? 1 : 0;
}
#endif
"""


def seeded_inputs(graph: Graph, count: int, seed: int = 0) -> list[NDArray[Any]]:
    """Any integers that the inputs may hold, (count, ...) each; token ids stay within their tables."""
    random = np.random.default_rng(seed)
    return [_seeded(graph, tensor, count, random) for tensor in graph.of(graph.inputs)]


def golden(path: Path, graph: Graph) -> str:
    """golden.h for a .tflite file."""
    inputs = seeded_inputs(graph, 1)
    outputs = run(path, inputs, "tflite-micro").outputs
    parts = [_arrays("input", inputs), _arrays("output", outputs)]
    return (
        "#ifndef EDGESTILL_GOLDEN_H\n#define EDGESTILL_GOLDEN_H\n#include <stdint.h>\n"
        "#ifndef MODEL_ALIGNED\n#define MODEL_ALIGNED\n#endif\n\n" + "\n".join(parts) + "\n#endif\n"
    )


def _seeded(graph: Graph, tensor: Tensor, count: int, random: np.random.Generator) -> NDArray[Any]:
    shape = (count, *tensor.shape[1:])
    if tensor.dtype == "int32":
        return random.integers(0, graph.vocabulary() or 1, shape, dtype=np.int32)
    limits = np.iinfo(tensor.dtype)
    return random.integers(limits.min, limits.max, shape, dtype=np.dtype(tensor.dtype), endpoint=True)


def _arrays(port: str, values: Arrays) -> str:
    names = [f"golden_{port}_{index}" for index in range(len(values))]
    texts = [array(name, np.frombuffer(v.tobytes(), np.uint8)) for name, v in zip(names, values, strict=True)]
    return "".join(texts) + f"static const uint8_t *const golden_{port}s[] = {{{', '.join(names)}}};\n"
