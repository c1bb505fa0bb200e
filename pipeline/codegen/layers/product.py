"""Products of matrices that are both computed."""

from math import prod
from typing import cast

from ...graph.fixed_point import quantize_multiplier
from ...graph.operators import BatchMatMul
from ...graph.operators.operator import quantization
from ..layer import Layer, Site


def batch_mat_mul(site: Site) -> Layer:
    """One matrix behind the other."""
    a, b, y = (quantization(tensor) for tensor in (*site.inputs, site.output))
    made = quantize_multiplier(a.per_tensor_scale * b.per_tensor_scale / y.per_tensor_scale)
    *matrices, rows, terms = site.inputs[0].shape
    columns = site.output.shape[-1]
    term, column = (1, terms) if cast(BatchMatMul, site.operator).transposed else (columns, 1)
    body = (
        f"    matrix_products(x0, {a.zero_point}, x1, {b.zero_point},\n"
        f"                    {prod(matrices)}u, {rows}u, {terms}u, {columns}u, {term}u, {column}u,\n"
        f"                    {int(made.significand)}, {int(made.exponent)}, {y.zero_point}, y);\n"
    )
    return Layer(body, kernels=("fixed_point.h", "instructions.h", "product.h"))
