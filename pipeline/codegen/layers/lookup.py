"""Functions of one int8 value: a table of all 256 results, computed by the operator's integer statement."""

from math import prod

import numpy as np

from ..layer import Layer, Site


def lookup(site: Site) -> Layer:
    """Exact by construction; 256 bytes of flash. Any other input is a constant of one value."""
    values = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    given = [values if tensor.data is None else tensor.data.reshape(1, 1) for tensor in site.inputs]
    table = site.operator.compute_integer(given, site.inputs, site.output)
    (read,) = (position for position, tensor in enumerate(site.inputs) if not tensor.constant)
    body = f"    apply_table(x{read}, table, {prod(site.output.shape)}u, y);\n"
    return Layer(body, {"table": table.reshape(-1)}, ("table.h",), in_place=(read,))
