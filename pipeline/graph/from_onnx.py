"""Reads ONNX, float or QDQ, into a graph: channels last, batch 1, no transpositions."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..errors import Unsupported, choices
from .graph import Graph, renumbered
from .lowering import (
    convolution,
    dense,
    elementwise,
    movement,
    nonlinear,
    normalization,
    pooling,
    quantization,
    resizing,
    selection,
    transposed,
)
from .lowering.builder import Builder, Constant, Refused, Value
from .lowering.folding import fold
from .lowering.layout import Channels, graph_shape, standard_order
from .lowering.patterns import recognised
from .lowering.reader import OnnxModel, OnnxNode, read
from .lowering.remedies import remedy
from .passes.absorb_padding import absorb_padding
from .passes.fixed_scales import fix_scales
from .passes.fold_affine import fold_affine
from .passes.fuse_activations import fuse_activations
from .passes.merge_means import merge_means
from .passes.settle_scales import float_tensors, settle_scales
from .passes.tie_scales import tie_scales

Lower = Callable[[Builder, OnnxNode], Value | Constant | Sequence[Value | None]]  # of several outputs, the unused None

LOWERED: Mapping[str, Lower] = {
    "Add": elementwise.add,
    "AveragePool": pooling.average_pool,
    "BatchNormalization": elementwise.batch_normalization,
    "Cast": movement.cast,
    "Clip": nonlinear.clip,
    "Concat": selection.concat,
    "Conv": convolution.conv,
    "ConvTranspose": transposed.conv_transpose,
    "DequantizeLinear": quantization.dequantize_linear,
    "Div": elementwise.scale,
    "Dropout": movement.identity,
    "Flatten": movement.flatten,
    "Gather": selection.gather,
    "Gemm": dense.gemm,
    "GlobalAveragePool": pooling.global_average_pool,
    "GlobalMaxPool": pooling.global_max_pool,
    "Gelu": nonlinear.gelu,
    "HardSigmoid": nonlinear.hard_sigmoid,
    "HardSwish": nonlinear.hard_swish,
    "Identity": movement.identity,
    "LayerNormalization": normalization.layer_normalization,
    "LeakyRelu": nonlinear.leaky_relu,
    "MatMul": dense.matmul,
    "Max": elementwise.greatest,
    "MaxPool": pooling.max_pool,
    "Min": elementwise.least,
    "Mul": elementwise.mul,
    "Normalize": normalization.normalize,
    "PRelu": nonlinear.prelu,
    "Pad": movement.pad,
    "Pow": elementwise.power,
    "QuantizeLinear": quantization.quantize_linear,
    "ReduceMax": pooling.reduce_max,
    "ReduceMean": pooling.reduce_mean,
    "Relu": nonlinear.relu,
    "Reshape": movement.reshape,
    "Resize": resizing.resize,
    "Rsqrt": nonlinear.rsqrt,
    "Sigmoid": nonlinear.sigmoid,
    "Slice": selection.slice_,
    "Softmax": elementwise.softmax,
    "Split": selection.split,
    "Squeeze": movement.squeeze,
    "Sub": elementwise.sub,
    "Tanh": nonlinear.tanh,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
}
FOLDED = frozenset(  # carried where their inputs are constants: the arithmetic that exporters do on shapes
    [
        "Cast",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Equal",
        "Expand",
        "Gather",
        "Mod",
        "Range",
        "Shape",
        "Slice",
        "Sqrt",
        "Where",
    ]
)
CHANNELS_FIRST = frozenset(  # that say where the channels of what they read stand
    [
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "MaxPool",
        "Resize",
    ]
)
PARTS = frozenset(["Erf", "Reciprocal"])  # of patterns that are one operator
DAMAGE = (LookupError, TypeError, ValueError, ArithmeticError)  # what attributes of a wrong kind or length end in


def from_onnx(data: bytes, where: str = "the model") -> Graph:
    """The graph of a float or QDQ ONNX file, opset 13 to 22; a free batch axis becomes 1.

    (n,c,h,w) becomes (n,h,w,c), and (n,c,t) an image of one row, (n,1,t,c). A dense layer behind a Flatten gets its
    columns in the new order. In a QDQ file, QuantizeLinear and DequantizeLinear become the scales of the tensors: the
    result is an integer graph, and uint8 activations become int8 with a zero point 128 lower.

    Raises `BadModel` when the bytes are no usable ONNX, `Unsupported` with every node that cannot be lowered.
    """
    return lower(data, where)[0]


def lower(data: bytes, where: str = "the model") -> tuple[Graph, Mapping[str, Value]]:
    """As `from_onnx`; and for every ONNX name that depends on the input, how its elements lie in the graph's tensor.

    The graph's tensors keep their ONNX name as `origin`; of a QDQ file's, it is the name of the integers.
    """
    model = recognised(read(data, {*LOWERED, *FOLDED, *PARTS}, where))
    build = Builder(model)
    _start(build, model)
    reasons = _lower_all(build, model)
    if not reasons:
        try:
            return _finished(build.graph(model)), build.values
        except Refused as refusal:
            reasons = [f"{refusal.code}  output: {refusal}"]
        except Unsupported as unsupported:
            reasons = unsupported.reasons
    raise Unsupported(where, reasons)


def _start(build: Builder, model: OnnxModel) -> None:
    """The model's input; channels last where it only turns them, or is (n,t,c) and nothing reads channels first."""
    readers = [node for node in model.nodes if model.input in node.inputs]
    turns = {4: [0, 3, 1, 2], 3: [0, 2, 1]}
    shape = model.input_shape
    turn = turns.get(len(shape))
    turned = all(node.operator == "Transpose" and node.attributes.get("perm") == turn for node in readers)
    rows = len(shape) == 3 and CHANNELS_FIRST.isdisjoint(node.operator for node in model.nodes)
    channels: Channels = "last" if rows or (turned and readers) else "first"
    value = Value("input", shape, standard_order(shape, channels), channels)
    build.input(model.input, graph_shape(shape, channels), model.input_dtype, value)


def _lower_all(build: Builder, model: OnnxModel) -> list[str]:
    """Lowers node by node; what stands behind a node that was refused is not judged, unless nobody knows it."""
    reasons = []
    for node in model.nodes:
        known = {"", *build.values, *build.constants}
        if node.operator not in LOWERED and node.operator not in FOLDED:
            what = f"{node}: operator {node.operator} is not carried; there are {choices(LOWERED)}"
            reasons.append(f"O-OP-UNKNOWN  {what}; {remedy(node.operator)}")
        elif known.issuperset(node.inputs):
            try:
                _lower(build, node)
            except Refused as refusal:
                reasons.append(f"{refusal.code}  {node}: {node.operator} {refusal}")
            except DAMAGE as error:
                reasons.append(f"O-DAMAGED  {node}: {node.operator} contradicts itself ({error}); export it again")
    if not reasons:
        reasons = [f"O-OUTPUT  output {n!r}: no node gives it" for n in model.outputs if n not in build.values]
    return reasons


def _lower(build: Builder, node: OnnxNode) -> None:
    folded = _folded(build, node)
    result = LOWERED[node.operator](build, node) if folded is None else folded
    results = [result] if isinstance(result, Value | Constant) else result
    for name, one in zip(node.outputs, results, strict=False):
        if isinstance(one, Constant):
            build.constants[name] = one
        elif one is not None:
            build.values[name] = one


def _folded(build: Builder, node: OnnxNode) -> Constant | None:
    """The node's result where only constants, or the shape of a value, decide it."""
    if node.operator == "Shape" and node.input(0) in build.values:
        shape = np.array(build.values[node.input(0)].shape, np.int64)
        return Constant(shape[node.attributes.get("start", 0) : node.attributes.get("end")])
    constants = {name: build.constants[name] for name in node.inputs if name in build.constants}
    plain = all(constant.quantization is None for constant in constants.values())
    if node.operator in ("QuantizeLinear", "DequantizeLinear") or not plain:
        return None
    if len(constants) < len({name for name in node.inputs if name}):
        if node.operator not in LOWERED:
            raise Refused("O-DYNAMIC", "works on values that depend on the input; it is carried on constants only")
        return None
    return fold(build, node)


def _finished(graph: Graph) -> Graph:
    """Fused, settled and numbered."""
    if all(tensor.quantization is None for tensor in graph.tensors.values()):
        return renumbered(fold_affine(fuse_activations(merge_means(absorb_padding(graph)))))
    settled = fix_scales(tie_scales(settle_scales(fuse_activations(graph))))
    still_float = float_tensors(settled)
    if still_float:
        where = "; ".join(f"{tensor.origin!r}" for tensor in still_float[:5])
        raise Unsupported("", [f"O-QUANTIZATION  {len(still_float)} tensors are float in a quantized file: {where}"])
    return renumbered(settled)
