"""Grouped and transposed convolutions, resizes and pools from torch and ONNX to INT8 files that agree."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import helper
from torch import nn

from edgestill.pipeline.errors import Unsupported
from edgestill.pipeline.graph.from_onnx import from_onnx
from edgestill.pipeline.graph.to_onnx import to_onnx
from edgestill.pipeline.graph.to_tflite import to_tflite
from edgestill.pipeline.runtimes.parity import compare
from edgestill.tests.lowered import channels_last, check_float, exported, model, noise, quantized

torch.set_num_threads(1)
NETS: dict[str, tuple[nn.Module, dict[str, int]]] = {
    "two groups": (nn.Conv2d(6, 4, 3, stride=2, groups=2), {"Conv2d": 2}),
    "three groups, dilated": (nn.Conv2d(6, 6, 3, dilation=2, padding=2, groups=3), {"Conv2d": 2}),
    "a group a channel, dilated": (nn.Conv2d(6, 12, 3, dilation=2, groups=6), {"Conv2d": 1, "DepthwiseConv2d": 1}),
    "twice as large": (nn.ConvTranspose2d(6, 4, 2, stride=2), {"Conv2d": 1, "TransposeConv2d": 1}),
    "cut alike": (nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1), {"Conv2d": 1, "TransposeConv2d": 1}),
    "cut before": (nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1), {"Conv2d": 1, "TransposeConv2d": 1}),
    "cut out": (nn.ConvTranspose2d(6, 4, 5, 2, 1), {"Conv2d": 1, "TransposeConv2d": 1, "Slice": 1}),
    "nearest": (nn.Upsample(scale_factor=2), {"Conv2d": 1, "ResizeNearest": 1}),
    "nearest to any size": (nn.Upsample(size=(13, 5)), {"Conv2d": 1, "ResizeNearest": 1}),
    "bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), {"Conv2d": 1, "ResizeBilinear": 1}),
    "corners": (nn.Upsample((15, 9), mode="bilinear", align_corners=True), {"Conv2d": 1, "ResizeBilinear": 1}),
    "the greatest of all": (nn.AdaptiveMaxPool2d(1), {"Conv2d": 1, "MaxPool2d": 1}),
    "a mirror": (nn.ReflectionPad2d((1, 2, 3, 0)), {"Conv2d": 1, "MirrorPad": 1}),
    "a cut": (nn.ZeroPad2d((-1, 2, 3, -2)), {"Conv2d": 1, "Slice": 1, "Pad": 1}),
    "a padded mean": (nn.AvgPool2d(3, 2, 1), {"Conv2d": 1, "Pad": 1, "AveragePool2d": 1}),
}


@pytest.mark.parametrize("name", NETS)
def test_a_layer_becomes_integers(name: str) -> None:
    torch.manual_seed(0)
    layer, kinds = NETS[name]
    graph = check_float(exported(nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), layer), (4, 8, 8)), (4, 8, 8))
    assert graph.count() == kinds
    quantized(graph, (4, 8, 8))


def test_the_files_of_a_net_of_all_of_them_agree(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(4, 6, 3, dilation=2, padding=2, groups=2), nn.ReLU(), nn.ConvTranspose2d(6, 4, 3, 2, 1)),
        *(nn.Upsample((9, 12), mode="bilinear"), nn.ConvTranspose2d(4, 6, 5, 2, 1), nn.Upsample((10, 10))),
        *(nn.AvgPool2d(3, 2, 1), nn.Conv2d(6, 6, 1, groups=3), nn.AdaptiveMaxPool2d(1)),
    )
    integer = quantized(from_onnx(exported(net, (4, 8, 8))), (4, 8, 8))
    tflite, qdq = tmp_path / "net.tflite", tmp_path / "net.onnx"
    tflite.write_bytes(to_tflite(integer))
    qdq.write_bytes(to_onnx(integer))
    parity = compare(tflite, qdq, channels_last(noise(10, 4, 8, 8)))
    assert parity.passed, parity.reasons


def test_one_dimension_is_an_image_of_one_row() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(4, 6, 5, padding=2, groups=2),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.ConvTranspose1d(6, 4, 4, stride=2, padding=1),
        nn.BatchNorm1d(4),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
    )
    net(torch.randn(8, 4, 16))
    graph = check_float(exported(net, (4, 16)), (4, 16))
    assert graph.count() == {"Conv2d": 1, "TransposeConv2d": 1, "ResizeNearest": 1}
    assert [getattr(node.operator, "activation", "") for node in graph.nodes] == ["relu", "relu", ""]
    quantized(graph, (4, 16))


def node(operator: str, inputs: list[str], **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, ["y"], name=f"the {operator.lower()}", **attributes)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 5)] * 3, *[st.integers(0, 2)] * 3), min_size=1, max_size=2))
def test_any_transposed_convolution_means_the_same(axes: list[tuple[int, ...]]) -> None:
    lengths, kernel, strides, before, after, more = zip(*axes, strict=True)
    assume(all(extra < stride for extra, stride in zip(more, strides, strict=True)))
    sizes = [s * (n - 1) + k - b - a + m for n, k, s, b, a, m in axes]
    assume(all(b < k and a < k and size > 0 for size, (_, k, _, b, a, _) in zip(sizes, axes, strict=True)))
    attributes = {"strides": strides, "pads": [*before, *after], "output_padding": more, "kernel_shape": kernel}
    check_float(
        model(
            [node("ConvTranspose", ["x", "w", "b"], **attributes)], (1, 3, *lengths), w=noise(3, 2, *kernel), b=noise(2)
        ),
        (3, *lengths),
    )


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 18), st.integers(1, 18)),
    st.sampled_from(["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]),
    st.sampled_from(["linear", "floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]),
)
def test_any_resize_means_the_same_or_is_refused(
    lengths: tuple[int, int], sizes: tuple[int, int], coordinates: str, how: str
) -> None:
    mode = {"mode": "linear"} if how == "linear" else {"mode": "nearest", "nearest_mode": how}
    made = node("Resize", ["x", "", "", "sizes"], coordinate_transformation_mode=coordinates, **mode)
    data = model([made], (1, 2, *lengths), sizes=np.array([1, 2, *sizes]))
    try:
        from_onnx(data)
    except Unsupported as refusal:
        assert "O-ATTRIBUTE  node 'the resize': Resize" in str(refusal)
        assert coordinates != "asymmetric" or how == "ceil" or "round" in how
        return
    check_float(data, (2, *lengths))


def test_the_greatest_of_all_positions_is_a_pool() -> None:
    for made in (
        node("GlobalMaxPool", ["x"]),
        node("ReduceMax", ["x"], axes=[-1, 2]),
        node("ReduceMax", ["x"], axes=[2, 3], keepdims=0),
    ):
        graph = check_float(model([made], (1, 3, 4, 5)), (3, 4, 5))
        assert graph.nodes[0].kind == "MaxPool2d"


REFUSED = {
    "groups": (node("ConvTranspose", ["x", "w"], group=2), "O-ATTRIBUTE .* has 2 groups; 1 is carried"),
    "dilations": (node("ConvTranspose", ["x", "v"], dilations=[2, 2]), r"O-ATTRIBUTE .* has dilations \[2, 2\]"),
    "sizes by themselves": (node("ConvTranspose", ["x", "v"], auto_pad="SAME_UPPER"), "O-ATTRIBUTE .* with pads"),
    "other channels": (node("ConvTranspose", ["x", "u"]), "O-SHAPE .* for 2 channels on an input of 4"),
    "cubic": (node("Resize", ["x", "", "scales"], mode="cubic"), "O-ATTRIBUTE .* by cubic; nearest and linear"),
    "channels": (node("Resize", ["x", "", "channels"]), "O-SHAPE .* height and width of an image"),
    "broken scales": (node("Resize", ["x", "", "broken"]), "O-ATTRIBUTE .* no whole sizes; export it with sizes"),
    "a crop": (
        node("Resize", ["x", "roi", "scales"], coordinate_transformation_mode="tf_crop_and_resize"),
        "O-ATTRIBUTE .* coordinates by tf_crop_and_resize",
    ),
    "padding by a number": (node("Pad", ["x", "pads", "two"]), "O-ATTRIBUTE .* pads by 2; constant zeros are carried"),
    "padding by the edge": (node("Pad", ["x", "pads"], mode="edge"), "O-ATTRIBUTE .* pads by edge; .* reflect"),
    "a mirror that is too small": (node("Pad", ["x", "far"], mode="reflect"), "O-SHAPE .* reflect padding"),
    "a maximum over channels": (node("ReduceMax", ["x"], axes=[1]), r"O-ATTRIBUTE .* over axes \[1\]"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_carried_is_refused_with_a_reason(what: str) -> None:
    refused, words = REFUSED[what]
    constants = {
        "w": noise(4, 2, 2, 2),
        "v": noise(4, 2, 2, 2),
        "u": noise(2, 2, 2, 2),
        "roi": [0, 0, 0, 0, 1, 1, 1, 1],
    }
    scales = {"scales": [1, 1, 2, 2], "channels": [1, 2, 1, 1], "broken": [1, 1, 1.3, 1]}
    pads = {"pads": np.array([0, 0, 1, 1] * 2), "far": np.array([0, 0, 5, 0] * 2), "two": 2}
    with pytest.raises(Unsupported, match=words):
        from_onnx(model([refused], (1, 4, 5, 5), **constants, **scales, **pads))
