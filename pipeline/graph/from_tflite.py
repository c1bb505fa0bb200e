"""A TFLite file, ours or anybody's, float or full integer, as a graph; everything unsupported is named at once."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import BadModel, Unsupported, choices
from .flatbuffer import DAMAGE, DESCRIBED, File, unpack
from .graph import Graph, Node
from .limits import MOST_LAYERS
from .offline_plan import NAME as PLAN
from .operators import Operator
from .tensor import Tensor
from .tflite_builtin import Builtin
from .tflite_checks import batch_reasons, node_reasons
from .tflite_fields import enumeration_name
from .tflite_options import BY_CODE, read_options
from .tflite_rewritten import REWRITTEN, NotCarried, Rewritten
from .tflite_tensors import TensorTable


def from_tflite(data: bytes, where: str = "") -> Graph:
    """The file's graph; `where` is the name that errors start with.

    Raises BadModel when the file is damaged or contradicts itself, Unsupported with every reason when it holds what we
    do not carry. Constant operands (axes, paddings, a shape) become attributes; int8 weights of a float layer become
    float32, which is what they stand for. Metadata is read from our own files.
    """
    file = unpack(data, where)
    try:
        return _Reader(file, where, TensorTable(file, where)).graph()
    except DAMAGE as error:
        raise BadModel(f"{where}: damaged or cut short; get the file again") from error


@dataclass
class _Reader:
    """Walks the operators once, in order; collects what is not carried and what is read so far."""

    file: File
    where: str
    table: TensorTable
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def graph(self) -> Graph:
        subgraph = self.file.subgraph
        inputs, outputs = self.table.of(subgraph.inputs), self.table.of(subgraph.outputs)
        self.reasons += [reason for tensor in inputs for reason in batch_reasons(tensor)]
        self._use(inputs)
        entries = subgraph.operators or []
        if len(entries) > MOST_LAYERS:
            raise BadModel(f"{self.where}: has {len(entries)} layers; up to {MOST_LAYERS} are carried")
        for layer, entry in enumerate(entries):
            self._read(layer, entry)
        self._use(outputs)
        if self.reasons:
            raise Unsupported(self.where, self.reasons)
        texts = self.file.metadata.items()
        metadata = {name: text.decode() for name, text in texts if name not in (PLAN, DESCRIBED)}
        graph = Graph(self.tensors, tuple(self.nodes), _names(inputs), _names(outputs), metadata)
        _check_order(graph, self.where)
        return graph

    def _read(self, layer: int, entry: Any) -> None:
        code = self.file.codes[entry.opcodeIndex]
        name = enumeration_name("BuiltinOperator", max(code.builtinCode, code.deprecatedBuiltinCode))
        inputs, outputs = self.table.of(entry.inputs), self.table.of(entry.outputs)
        place = f"layer {layer} {outputs[0].name if outputs else ''!r}"
        if name in BY_CODE:
            self._carry(BY_CODE[name], entry, inputs, outputs, place)
            return
        if name in REWRITTEN:
            self._rewrite(REWRITTEN[name], inputs, outputs, place)
            return
        theirs = f"CUSTOM {(code.customCode or b'').decode(errors='replace')!r}" if name == "CUSTOM" else name
        self.reasons.append(
            f"T-OP-UNKNOWN  {place}: operator {theirs} is not carried; there are {choices([*BY_CODE, *REWRITTEN])};"
            " build the model from those"
        )

    def _carry(self, builtin: Builtin, entry: Any, inputs: list[Tensor], outputs: list[Tensor], place: str) -> None:
        inputs = builtin.restored(inputs)
        inputs = _with_float_weights(inputs) if builtin.weighted else inputs
        reasons = node_reasons(builtin, entry.builtinOptions, inputs, outputs)
        self.reasons += [f"{code}  {place}: {reason}" for code, reason in reasons]
        if reasons:
            return
        attributes = read_options(builtin, entry.builtinOptions)
        values = inputs[: len(inputs) - len(builtin.operands)] or inputs  # a reshape may do without its operand
        constants = [tensor.data for tensor in inputs[len(values) :]] or [None]
        for operand, constant in zip(builtin.operands, constants, strict=False):
            attributes[operand.attribute] = operand.decode(constant, values[0], outputs[0])
        attributes, inputs = builtin.settle(attributes, entry.builtinOptions, values[0]), values
        operator = builtin.operator(**attributes)
        if not self.reasons:  # else what was refused may be why shapes disagree
            _check_shape(operator, inputs, outputs[0], f"{self.where}: {place}")
        self._use([*inputs, *outputs])
        self.nodes.append(Node(operator, _names(inputs), _names(outputs)))

    def _rewrite(
        self,
        say: Callable[[list[Tensor], list[Tensor]], Rewritten],
        inputs: list[Tensor],
        outputs: list[Tensor],
        place: str,
    ) -> None:
        """A layer that the graph says by operators of another name."""
        try:
            said = say(inputs, outputs)
        except NotCarried as refusal:
            self.reasons.append(f"{refusal.code}  {place}: {refusal}")
            return
        self._use(list(said.tensors))
        for node in said.nodes if not self.reasons else ():
            read = [self.tensors[name] for name in node.inputs]
            _check_shape(node.operator, read, self.tensors[node.outputs[0]], f"{self.where}: {place}")
        self.nodes += said.nodes

    def _use(self, tensors: list[Tensor]) -> None:
        self.tensors.update({tensor.name: tensor for tensor in tensors})


def _with_float_weights(inputs: list[Tensor]) -> list[Tensor]:
    """The inputs of a layer, weights dequantized where a converter compressed those of a float layer to int8."""
    if len(inputs) < 2 or (inputs[0].dtype, inputs[1].dtype) != ("float32", "int8"):
        return inputs
    weights = inputs[1]
    if weights.data is None or weights.quantization is None or weights.quantization.zero_point != 0:
        return inputs
    reals = weights.quantization.dequantize(weights.data)
    return [inputs[0], replace(weights, dtype="float32", quantization=None, data=reals), *inputs[2:]]


def _names(tensors: list[Tensor]) -> tuple[str, ...]:
    return tuple(tensor.name for tensor in tensors)


def _check_shape(operator: Operator, inputs: list[Tensor], output: Tensor, place: str) -> None:
    try:
        computed = operator.shape([tensor.shape for tensor in inputs])
    except ValueError as error:
        raise BadModel(f"{place}: {error}; get the file again") from error
    if computed != output.shape:
        raise BadModel(f"{place}: declares an output of shape {output.shape}, computes {computed}; get the file again")


def _check_order(graph: Graph, where: str) -> None:
    """Every input of a node is a constant, a graph input or an output of an earlier node; nothing is written twice."""
    known = {*graph.inputs, *(name for name, tensor in graph.tensors.items() if tensor.constant)}
    for layer, node in enumerate(graph.nodes):
        place = f"{where}: layer {layer} {node.outputs[0]!r}"
        unknown = [name for name in node.inputs if name not in known]
        if unknown:
            raise BadModel(f"{place}: reads {unknown[0]!r}, which nothing before it writes; get the file again")
        if node.outputs[0] in known:
            raise BadModel(f"{place}: writes a tensor that is written already; get the file again")
        known.update(node.outputs)
    if not graph.outputs or any(name not in known for name in graph.outputs):
        raise BadModel(f"{where}: has no output that a layer writes; get the file again")
