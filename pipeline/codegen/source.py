"""model.h and model.c: the face of the package, and one function a layer."""

from collections.abc import Iterator, Sequence
from importlib.resources import files

from ..graph.graph import Graph
from ..graph.tensor import Tensor
from .c_text import array, comment, quoted, type_name
from .generate import Generated
from .layer import Layer, Step
from .memory import Arena, tensor_bytes
from .preference import CodeOptions

HEADER = """\
/* {title}: an INT8 network that needs no interpreter, no heap and no library.
 *
 * Write the input's bytes to where model_input(0) points, call model_run(), read the output where model_output(0)
 * points. model_run may overwrite its inputs: write them anew before each run. An output holds until the next run, or
 * until an input is written. One network at a time: not for two threads at once.
 *
{ports} *
{preprocess} */
#ifndef EDGESTILL_MODEL_H
#define EDGESTILL_MODEL_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define MODEL_ARENA_BYTES {arena}u /* all the memory it works in, inputs and outputs included */
{macros}
void *model_input(unsigned index);
void model_run(void);
const void *model_output(unsigned index);

#ifdef __cplusplus
}}
#endif
#endif
"""
SOURCE = """\
/* {title}: generated; each function below is one layer. */
#include "model.h"

#if defined(__GNUC__)
#define MODEL_ALIGNED __attribute__((aligned(8)))
#define MODEL_LAYER static __attribute__((noinline))
#else
#define MODEL_ALIGNED _Alignas(8)
#define MODEL_LAYER static
#endif

{includes}
static uint8_t model_arena[MODEL_ARENA_BYTES] MODEL_ALIGNED;

{layers}
void *model_input(unsigned index) {{
    static const uint32_t offsets[MODEL_INPUTS] = {{{inputs}}};
    return model_arena + offsets[index];
}}

void model_run(void) {{
{calls}}}

const void *model_output(unsigned index) {{
    static const uint32_t offsets[MODEL_OUTPUTS] = {{{outputs}}};
    return model_arena + offsets[index];
}}
"""
SMALL = """\
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("Os")
#endif
"""


def header(made: Generated, title: str, labels: Sequence[str], preprocess: str) -> str:
    """model.h."""
    graph = made.graph
    ports = [*_said("input", graph.of(graph.inputs)), *_said("output", graph.of(graph.outputs))]
    return HEADER.format(
        title=comment(title),
        ports="".join(f" * {comment(line)}\n" for line in ports),
        preprocess="".join(f" * {comment(line)}\n" for line in preprocess.splitlines()),
        arena=max(1, made.arena.bytes),
        macros="".join(_macros(graph, labels)),
    )


def source(made: Generated, title: str) -> str:
    """model.c."""
    graph, kernels = made.graph, kernels_of(made.steps)
    return SOURCE.format(
        title=comment(title),
        includes=("", SMALL)[made.options.prefer == "flash"] + "".join(f'#include "{name}"\n' for name in kernels),
        layers="\n".join(_function(step, made.arena) for step in made.steps),
        inputs=", ".join(f"{made.arena.offsets[name]}u" for name in graph.inputs),
        outputs=", ".join(f"{made.arena.offsets[name]}u" for name in graph.outputs),
        calls="".join(f"    {step.site.name}();\n" for step in made.steps),
    )


def kernels_of(steps: Sequence[Step]) -> list[str]:
    """The kernel headers that these layers use, each once, in the order of need."""
    return list(dict.fromkeys(name for step in steps for name in step.layer.kernels))


def kernel_text(name: str, options: CodeOptions) -> str:
    """A header of `kernels/`; one that lies in the folder of what is preferred stands in its place."""
    kernels = files(f"{__package__}.kernels")
    special = kernels.joinpath(options.prefer, name)
    return (special if special.is_file() else kernels.joinpath(name)).read_text(encoding="utf-8")


def _said(port: str, tensors: Sequence[Tensor]) -> Iterator[str]:
    for index, tensor in enumerate(tensors):
        shape = " x ".join(map(str, tensor.shape))
        line = f"{port} {index}: {tensor.dtype} {shape} {tensor.origin or tensor.name!r}"
        if tensor.quantization is not None:
            scale, zero = tensor.quantization.per_tensor_scale, tensor.quantization.zero_point
            line += f", real = {scale!r} * (integer - {zero})"
        yield line


def _macros(graph: Graph, labels: Sequence[str]) -> Iterator[str]:
    for port, names in (("INPUT", graph.inputs), ("OUTPUT", graph.outputs)):
        tensors = graph.of(names)
        yield f"#define MODEL_{port}S {len(tensors)}u\n"
        yield f"#define MODEL_{port}_BYTES {{{', '.join(f'{tensor_bytes(t)}u' for t in tensors)}}}\n"
        scales = [t.quantization.per_tensor_scale if t.quantization else 1.0 for t in tensors]
        yield f"#define MODEL_{port}_SCALES {{{', '.join(f'{scale!r}f' for scale in scales)}}}\n"
        zeros = [t.quantization.zero_point if t.quantization else 0 for t in tensors]
        yield f"#define MODEL_{port}_ZERO_POINTS {{{', '.join(map(str, zeros))}}}\n"
    if labels:
        yield f"#define MODEL_LABELS {{{', '.join(map(quoted, labels))}}}\n"


def _function(step: Step, memory: Arena) -> str:
    """A layer's constants, then its function: where its tensors lie, and its body."""
    name, layer = step.site.name, step.layer
    constants = "".join(array(f"{name}_{key}", values) for key, values in layer.constants.items())
    lines = [
        *_inputs(step, memory),
        *(f"    const {type_name(v.dtype.name)} *const {key} = {name}_{key};\n" for key, v in layer.constants.items()),
        _pointer("y", step.site.output.dtype, memory.offsets[step.node.outputs[0]], constant=False),
    ]
    if layer.scratch:
        lines.append(_pointer("scratch", "uint8", memory.scratches[name], constant=False))
    return f"{constants}\n/* {_described(step)} */\nMODEL_LAYER void {name}(void) {{\n{''.join(lines)}{layer.body}}}\n"


def _inputs(step: Step, memory: Arena) -> Iterator[str]:
    for index, tensor in enumerate(step.site.inputs):
        if not tensor.constant:
            yield _pointer(f"x{index}", tensor.dtype, memory.offsets[tensor.name], constant=True)


def _pointer(name: str, dtype: str, offset: int, *, constant: bool) -> str:
    kind = f"{'const ' if constant else ''}{type_name(dtype)} *"
    return f"    {kind}const {name} = ({kind})(model_arena + {offset}u);\n"


def _described(step: Step) -> str:
    site = step.site
    read = ", ".join("x".join(map(str, tensor.shape)) for tensor in site.inputs if not tensor.constant)
    made = "x".join(map(str, site.output.shape))
    return comment(f"{site.kind} of {read} to {made}: {site.output.origin or site.output.name}")


def constants_bytes(layer: Layer) -> int:
    """Of flash."""
    return sum(values.nbytes for values in layer.constants.values())
