"""Harm to what an ONNX file says: each function changes a model that was a good one."""

import random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dice = random.Random


def _weight(dice: Dice, model: Any) -> Any:
    return dice.choice([tensor for tensor in model.graph.initializer if len(tensor.dims) > 1])


def _append(model: Any, *nodes: Any, **constants: Any) -> None:
    """Nodes behind the last one, from "last" to the model's output."""
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["last" if name == output else name for name in node.output]
    for node in nodes:
        node.output[:] = [output if name == "end" else name for name in node.output]
        model.graph.node.append(node)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )


def dims_that_are_huge(dice: Dice, model: Any) -> None:
    _weight(dice, model).dims[0] = dice.choice([2**31, 2**40, 2**62])


def dims_that_are_negative(dice: Dice, model: Any) -> None:
    _weight(dice, model).dims[0] = -1


def an_input_that_is_huge(dice: Dice, model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[-1].dim_value = dice.choice([2**20, 2**31, 2**62])


def an_input_of_no_size(dice: Dice, model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[-1].dim_value = dice.choice([0, -1, -(2**40)])


def an_input_without_type(dice: Dice, model: Any) -> None:
    model.graph.input[0].ClearField("type")


def an_input_that_is_a_sequence(dice: Dice, model: Any) -> None:
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


def a_type_that_is_none(dice: Dice, model: Any) -> None:
    dice.choice([_weight(dice, model), model.graph.initializer[0]]).data_type = dice.choice([0, 8, 77, 2**31 - 1])


def a_cycle(dice: Dice, model: Any) -> None:
    first, last = model.graph.node[0], model.graph.node[-1]
    first.input[0] = last.output[0]


def nodes_in_another_order(dice: Dice, model: Any) -> None:
    nodes = list(model.graph.node)
    dice.shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def a_tensor_that_is_missing(dice: Dice, model: Any) -> None:
    model.graph.initializer.remove(_weight(dice, model))


def a_node_that_is_missing(dice: Dice, model: Any) -> None:
    del model.graph.node[dice.randrange(len(model.graph.node))]


def an_output_that_nobody_gives(dice: Dice, model: Any) -> None:
    model.graph.output[0].name = "nowhere"


def weights_in_another_file(dice: Dice, model: Any) -> None:
    tensor = _weight(dice, model)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=dice.choice(["../../../etc/passwd", "/dev/zero", "w.bin"]))


def a_constant_in_another_file(dice: Dice, model: Any) -> None:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[10], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/dev/zero")
    constant = helper.make_node("Constant", [], ["far"], value=tensor)
    _append(model, constant, helper.make_node("Add", ["last", "far"], ["end"]))


def names_that_are_there_twice(dice: Dice, model: Any) -> None:
    one, other = dice.sample(list(model.graph.node), 2)
    other.output[0] = one.output[0]


def weights_that_are_there_twice(dice: Dice, model: Any) -> None:
    model.graph.initializer.append(_weight(dice, model))


def weights_that_are_no_numbers(dice: Dice, model: Any) -> None:
    tensor = _weight(dice, model)
    array = np.array(numpy_helper.to_array(tensor))
    if array.dtype == np.float32:
        array.flat[0] = dice.choice([np.nan, np.inf, -np.inf])
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def weights_beyond_all_bounds(dice: Dice, model: Any) -> None:
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(array * np.float32(dice.choice([1e30, 1e-40])), tensor.name))


def an_absurd_scale(dice: Dice, model: Any) -> None:
    scale = dice.choice([0.0, -1.0, np.nan, np.inf, 1e38, 1e-45])
    nodes = [
        helper.make_node("QuantizeLinear", ["last", "s", "z"], ["a"]),
        helper.make_node("DequantizeLinear", ["a", "s", "z"], ["end"]),
    ]
    _append(model, *nodes, s=np.float32(scale), z=np.int8(0))


def scales_of_a_channel_that_are_not_there(dice: Dice, model: Any) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["last", "s", "z"], ["a"], axis=dice.choice([-9, 9, 1])),
        helper.make_node("DequantizeLinear", ["a", "s", "z"], ["end"]),
    ]
    _append(model, *nodes, s=np.ones(7, np.float32), z=np.zeros(7, np.int8))


def attributes_beyond_all_bounds(dice: Dice, model: Any) -> None:
    windows = [node for node in model.graph.node if node.op_type in ("Conv", "AveragePool", "MaxPool")]
    attribute = dice.choice([a for node in windows for a in node.attribute if len(a.ints)])
    attribute.ints[0] = dice.choice([0, -1, -(2**62), 2**31, 2**62])


def attributes_of_another_kind(dice: Dice, model: Any) -> None:
    node = dice.choice([node for node in model.graph.node if node.attribute])
    attribute = dice.choice(list(node.attribute))
    attribute.CopyFrom(helper.make_attribute(attribute.name, dice.choice([b"what", 1.5, [0.5, 0.5], ["a", "b"]])))


def attributes_that_are_too_many(dice: Dice, model: Any) -> None:
    node = dice.choice([node for node in model.graph.node if node.op_type == "Conv"])
    node.attribute.append(helper.make_attribute("dilations", [1] * dice.choice([1, 5, 1000])))


def groups_that_divide_nothing(dice: Dice, model: Any) -> None:
    node = dice.choice([node for node in model.graph.node if node.op_type == "Conv"])
    node.attribute.append(helper.make_attribute("group", dice.choice([0, -1, 7, 2**40])))


def indices_that_are_negative(dice: Dice, model: Any) -> None:
    operator = dice.choice(["Gather", "Squeeze", "Slice", "Concat", "Softmax", "Split"])
    if operator == "Slice":
        node = helper.make_node("Slice", ["last", "i", "i", "i"], ["end"])
    elif operator in ("Concat", "Softmax", "Split"):
        node = helper.make_node(operator, ["last"], ["end"], axis=-99)
    else:
        node = helper.make_node(operator, ["last", "i"], ["end"])
    _append(model, node, i=np.array([-99], np.int64))


def an_operator_of_somebody_s(dice: Dice, model: Any) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    _append(model, helper.make_node("Magic\x1b[2J", ["last"], ["end"], domain="com.example"))


def graphs_inside_graphs(dice: Dice, model: Any) -> None:
    inner = helper.make_graph([helper.make_node("Identity", ["last"], ["o"])], "g", [], [onnx.ValueInfoProto(name="o")])
    for depth in range(dice.choice([1, 30, 90])):
        choice = helper.make_node("If", ["yes"], ["o"], name=f"if {depth}", then_branch=inner, else_branch=inner)
        inner = helper.make_graph([choice], "g", [], [onnx.ValueInfoProto(name="o")]) if depth % 90 < 8 else inner
    node = helper.make_node("If", ["yes"], ["end"], then_branch=inner, else_branch=inner)
    _append(model, node, yes=np.array(True))


def a_function_that_calls_itself(dice: Dice, model: Any) -> None:
    model.opset_import.append(helper.make_opsetid("own", 1))
    call = helper.make_node("Again", ["x"], ["y"], domain="own")
    model.functions.append(helper.make_function("own", "Again", ["x"], ["y"], [call], [helper.make_opsetid("own", 1)]))
    _append(model, helper.make_node("Again", ["last"], ["end"], domain="own"))


def a_constant_that_blows_up(dice: Dice, model: Any) -> None:
    big = np.array([2**14, 2**14, 2**10], np.int64)
    constants: dict[str, Any] = {"big": big, "one": np.ones(1, np.float32), "n": np.int64(2**40), "i": np.int64(1)}
    operator = dice.choice(["ConstantOfShape", "Expand", "Range", "Tile", "Pad", "Resize"])
    inputs = {"ConstantOfShape": ["big"], "Range": ["i", "n", "i"], "Tile": ["one", "n1"], "Pad": ["one", "pads"]}
    constants |= {
        "n1": np.array([2**40], np.int64),
        "pads": np.array([2**40, 0], np.int64),
        "none": np.ones(0, np.float32),
    }
    constants["scales"] = np.array([1e12], np.float32)
    names = ["one", "none", "scales"] if operator == "Resize" else inputs.get(operator, ["one", "big"])
    node = helper.make_node(operator, names, ["bomb"])
    _append(model, node, helper.make_node("Add", ["last", "bomb"], ["end"]), **constants)


def a_value_that_blows_up(dice: Dice, model: Any) -> None:
    operator = dice.choice(["Pad", "Resize", "Concat", "Tile", "Expand"])
    rank = 2
    constants: dict[str, Any] = {
        "much": np.array([0] * rank + [2**35] * rank, np.int64),
        "none": np.ones(0, np.float32),
    }
    constants |= {"scales": np.array([1, 1e9], np.float32), "times": np.array([1, 2**35], np.int64)}
    inputs = {"Pad": ["last", "much"], "Resize": ["last", "none", "scales"], "Concat": ["last"] * 5000}
    options: dict[str, Any] = {"axis": 1} if operator == "Concat" else {}
    _append(model, helper.make_node(operator, inputs.get(operator, ["last", "times"]), ["end"], **options), **constants)


def a_value_that_doubles_again_and_again(dice: Dice, model: Any) -> None:
    names = ["last", *(f"d{index}" for index in range(60)), "end"]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in zip(names, names[1:], strict=False)]
    _append(model, *nodes)


def a_chain_without_end(dice: Dice, model: Any) -> None:
    names = ["last", *(f"d{index}" for index in range(dice.choice([500, 4000, 20000]))), "end"]
    operator = dice.choice(["Identity", "Relu", "Transpose", "Sqrt"])
    options: dict[str, Any] = {"perm": [1, 0]} if operator == "Transpose" else {}
    nodes = [helper.make_node(operator, [a], [b], **options) for a, b in zip(names, names[1:], strict=False)]
    _append(model, *nodes)


def a_name_without_end(dice: Dice, model: Any) -> None:
    _append(model, helper.make_node("Elu" * 1_000_000, ["last"], ["end"], name="n" * 3_000_000))


def a_shape_that_is_no_shape(dice: Dice, model: Any) -> None:
    shape = dice.choice([[-1, -1], [0, 0], [2**62, 2**62], [-5, 3], []])
    _append(model, helper.make_node("Reshape", ["last", "shape"], ["end"]), shape=np.array(shape, np.int64))


def an_opset_of_another_time(dice: Dice, model: Any) -> None:
    model.opset_import[0].version = dice.choice([0, -1, 6, 99, 2**40])


def weights_of_a_sparse_kind(dice: Dice, model: Any) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "sparse"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.array([2**40], np.int64), "where"))
    sparse.dims.append(2**50)
    _append(model, helper.make_node("Add", ["last", "sparse"], ["end"]))


ONNX = (
    dims_that_are_huge, dims_that_are_negative, an_input_that_is_huge, an_input_of_no_size, an_input_without_type,
    an_input_that_is_a_sequence, a_type_that_is_none, a_cycle, nodes_in_another_order, a_tensor_that_is_missing,
    a_node_that_is_missing, an_output_that_nobody_gives, weights_in_another_file, a_constant_in_another_file,
    names_that_are_there_twice, weights_that_are_there_twice, weights_that_are_no_numbers, weights_beyond_all_bounds,
    an_absurd_scale, scales_of_a_channel_that_are_not_there, attributes_beyond_all_bounds, attributes_of_another_kind,
    attributes_that_are_too_many, groups_that_divide_nothing, indices_that_are_negative, an_operator_of_somebody_s,
    graphs_inside_graphs, a_function_that_calls_itself, a_constant_that_blows_up, a_value_that_blows_up,
    a_value_that_doubles_again_and_again, a_chain_without_end, a_name_without_end, a_shape_that_is_no_shape,
    an_opset_of_another_time, weights_of_a_sparse_kind,
)  # fmt: skip
