"""Harm to what a TFLite file says: each function changes a model that was a good one."""

import random
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

Dice = random.Random


def _any_tensor(dice: Dice, model: Any) -> Any:
    return dice.choice([tensor for tensor in model.subgraphs[0].tensors if tensor.shape is not None])


def _any_layer(dice: Dice, model: Any) -> Any:
    return dice.choice(model.subgraphs[0].operators)


def _layer_behind(model: Any, operator: str, options: Any, shape: list[int], *operands: list[int]) -> None:
    """One more layer from the model's output to a tensor of this shape, its operands constants."""
    graph = model.subgraphs[0]
    source = graph.tensors[int(graph.outputs[0])]
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    model.operatorCodes.append(code)
    inputs = [int(graph.outputs[0]), *(_constant(model, values) for values in operands)]
    output = schema.TensorT()
    output.name, output.shape, output.type, output.quantization = b"end", shape, source.type, source.quantization
    graph.tensors.append(output)
    layer = schema.OperatorT()
    layer.opcodeIndex, layer.inputs, layer.outputs = len(model.operatorCodes) - 1, inputs, [len(graph.tensors) - 1]
    if options is not None:
        layer.builtinOptions = options
        layer.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
    graph.operators.append(layer)
    graph.outputs = [len(graph.tensors) - 1]


def _constant(model: Any, values: list[int]) -> int:
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.array(values, np.int32).tobytes()
    model.buffers.append(buffer)
    tensor.name, tensor.type, tensor.buffer = b"operand", schema.TensorType.INT32, len(model.buffers) - 1
    tensor.shape = list(np.shape(values))
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def a_code_that_is_not_there(dice: Dice, model: Any) -> None:
    _any_layer(dice, model).opcodeIndex = dice.choice([99, 2**31 - 1])


def a_tensor_that_is_not_there(dice: Dice, model: Any) -> None:
    layer = _any_layer(dice, model)
    layer.inputs[dice.randrange(len(layer.inputs))] = dice.choice([-1, -5, 9999, 2**31 - 1])


def a_buffer_that_is_not_there(dice: Dice, model: Any) -> None:
    _any_tensor(dice, model).buffer = dice.choice([9999, 2**32 - 1])


def lengths_that_are_negative(dice: Dice, model: Any) -> None:
    tensor = _any_tensor(dice, model)
    tensor.shape = [*tensor.shape[:-1], -3] if len(tensor.shape) else [-3]


def lengths_that_are_huge(dice: Dice, model: Any) -> None:
    tensor = _any_tensor(dice, model)
    tensor.shape = [2**31 - 1] * dice.choice([1, 4])


def an_image_that_is_huge(dice: Dice, model: Any) -> None:
    graph = model.subgraphs[0]
    graph.tensors[int(graph.inputs[0])].shape = [1, 2**15, 2**15, 3]


def a_layer_that_reads_itself(dice: Dice, model: Any) -> None:
    layer = _any_layer(dice, model)
    layer.inputs[0] = layer.outputs[0]


def layers_in_another_order(dice: Dice, model: Any) -> None:
    dice.shuffle(model.subgraphs[0].operators)


def a_tensor_written_twice(dice: Dice, model: Any) -> None:
    one, other = dice.sample(model.subgraphs[0].operators, 2)
    other.outputs = one.outputs


def a_layer_that_is_missing(dice: Dice, model: Any) -> None:
    layers = model.subgraphs[0].operators
    del layers[dice.randrange(len(layers))]


def no_layers(dice: Dice, model: Any) -> None:
    model.subgraphs[0].operators = []


def no_outputs(dice: Dice, model: Any) -> None:
    model.subgraphs[0].outputs = dice.choice([[], [-1], [2**31 - 1]])


def no_inputs(dice: Dice, model: Any) -> None:
    model.subgraphs[0].inputs = dice.choice([[], [-1], [2**31 - 1]])


def a_weight_that_is_the_output(dice: Dice, model: Any) -> None:
    graph = model.subgraphs[0]
    graph.outputs = [int(dice.choice(graph.operators[0].inputs[1:]))]


def a_scale_beyond_all_bounds(dice: Dice, model: Any) -> None:
    quantized = [
        t for t in model.subgraphs[0].tensors if t.quantization is not None and t.quantization.scale is not None
    ]
    scale = dice.choice([0.0, -1.0, float("nan"), float("inf"), 1e38, 1e-45])
    for tensor in quantized[:1] or [_any_tensor(dice, model)]:
        tensor.quantization = tensor.quantization or schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]


def a_scale_of_another_axis(dice: Dice, model: Any) -> None:
    tensor = _any_tensor(dice, model)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [0.1] * 3, [0, 0, 0]
    tensor.quantization.quantizedDimension = dice.choice([-1, 7, 2**31 - 1])


def a_zero_point_beyond_all_bounds(dice: Dice, model: Any) -> None:
    tensor = _any_tensor(dice, model)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = [0.1]
    tensor.quantization.zeroPoint = [dice.choice([1000, -(2**62), 2**62, 129])]


def an_unknown_operator(dice: Dice, model: Any) -> None:
    code = dice.choice(model.operatorCodes)
    code.builtinCode = dice.choice([32, 119, 100, 5000])
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.customCode = dice.choice([None, b"Magic", b"\xff\xfe\x1b[2J"])


def two_graphs(dice: Dice, model: Any) -> None:
    model.subgraphs = model.subgraphs * dice.choice([2, 300])


def no_graph(dice: Dice, model: Any) -> None:
    model.subgraphs = []


def buffers_outside_the_file(dice: Dice, model: Any) -> None:
    for buffer in model.buffers[1:]:
        buffer.data, buffer.offset, buffer.size = None, dice.choice([2, 2**40]), 64


def weights_not_a_number(dice: Dice, model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if tensor.type == schema.TensorType.FLOAT32 and data is not None and len(data):
            array = np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32).copy()
            array[0] = dice.choice([np.nan, np.inf])
            model.buffers[tensor.buffer].data = array.tobytes()
            return


def weights_of_another_type(dice: Dice, model: Any) -> None:
    layer = next(layer for layer in model.subgraphs[0].operators if len(layer.inputs) > 2)
    model.subgraphs[0].tensors[int(layer.inputs[1])].type = dice.choice([1, 2, 4, 5, 6, 9, 17, 99])


def strides_of_nothing(dice: Dice, model: Any) -> None:
    layer = next(layer for layer in model.subgraphs[0].operators if hasattr(layer.builtinOptions, "strideW"))
    layer.builtinOptions.strideW = dice.choice([0, -1, 2**31 - 1])


def options_of_another_operator(dice: Dice, model: Any) -> None:
    layer = _any_layer(dice, model)
    layer.builtinOptions = schema.WhileOptionsT()
    layer.builtinOptionsType = schema.BuiltinOptions.WhileOptions


def no_options(dice: Dice, model: Any) -> None:
    for layer in model.subgraphs[0].operators:
        layer.builtinOptions, layer.builtinOptionsType = None, 0


def names_that_are_all_one(dice: Dice, model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        tensor.name = dice.choice([b"same", b"\xff\xfe", b""])


def a_pad_that_blows_up(dice: Dice, model: Any) -> None:
    _layer_behind(model, "PAD", schema.PadOptionsT(), [1, 2**31 - 1], [[0, 0], [0, 2**31 - 13]])  # type: ignore[list-item]


def a_resize_that_blows_up(dice: Dice, model: Any) -> None:
    _layer_behind(model, "RESHAPE", schema.ReshapeOptionsT(), [1, 1, 1, 12], [1, 1, 1, -1])
    _layer_behind(model, "RESIZE_BILINEAR", schema.ResizeBilinearOptionsT(), [1, 40000, 40000, 12], [40000, 40000])


def a_mean_of_other_axes(dice: Dice, model: Any) -> None:
    _layer_behind(model, "MEAN", schema.ReducerOptionsT(), [1], [dice.choice([-77, 5, 2**31 - 1])])


def a_slice_of_nothing(dice: Dice, model: Any) -> None:
    _layer_behind(model, "SLICE", schema.SliceOptionsT(), [1, 0], [0, dice.choice([-4, 99])], [1, dice.choice([0, -9])])


def a_turn_of_other_axes(dice: Dice, model: Any) -> None:
    _layer_behind(model, "TRANSPOSE", schema.TransposeOptionsT(), [1, 12], dice.choice([[1, 1], [0, 9], [0], [-1, 0]]))


def layers_without_end(dice: Dice, model: Any) -> None:
    for _ in range(dice.choice([300, 3000, 5000])):
        _layer_behind(model, "LOGISTIC", None, [1, 12])


TFLITE = (
    a_code_that_is_not_there, a_tensor_that_is_not_there, a_buffer_that_is_not_there, lengths_that_are_negative,
    lengths_that_are_huge, an_image_that_is_huge, a_layer_that_reads_itself, layers_in_another_order,
    a_tensor_written_twice, a_layer_that_is_missing, no_layers, no_outputs, no_inputs, a_weight_that_is_the_output,
    a_scale_beyond_all_bounds, a_scale_of_another_axis, a_zero_point_beyond_all_bounds, an_unknown_operator, two_graphs,
    no_graph, buffers_outside_the_file, weights_not_a_number, weights_of_another_type, strides_of_nothing,
    options_of_another_operator, no_options, names_that_are_all_one, a_pad_that_blows_up, a_resize_that_blows_up,
    a_mean_of_other_axes, a_slice_of_nothing, a_turn_of_other_axes, layers_without_end,
)  # fmt: skip
