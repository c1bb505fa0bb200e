"""Functions of one int8 value: a table of all 256 results, computed by the operator's integer statement."""

from math import prod

import numpy as np

from ..layer import Layer, Site


def lookup(site: Site) -> Layer:
    """Exact by construction; 256 bytes of flash."""
    values = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    table = site.operator.compute_integer([values], site.inputs, site.output)
    body = f"    apply_table(x0, table, {prod(site.output.shape)}u, y);\n"
    return Layer(body, {"table": table.reshape(-1)}, ("table.h",), in_place=(0,))
