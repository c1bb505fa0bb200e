"""How each operator becomes C: one file a family, each a function from a site to a layer."""

from ...graph.operators import (
    FullyConnected,
    Gelu,
    HardSwish,
    LeakyRelu,
    Operator,
    Quantize,
    Relu,
    Relu6,
    Rsqrt,
    Sigmoid,
    Tanh,
)
from ..layer import Emitter
from .dense import fully_connected
from .lookup import lookup

EMITTERS: dict[type[Operator], Emitter] = {
    FullyConnected: fully_connected,
    Gelu: lookup,
    HardSwish: lookup,
    LeakyRelu: lookup,
    Quantize: lookup,
    Relu: lookup,
    Relu6: lookup,
    Rsqrt: lookup,
    Sigmoid: lookup,
    Tanh: lookup,
}
