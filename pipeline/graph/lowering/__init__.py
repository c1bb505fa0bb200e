"""From ONNX nodes, channels first, to the graph's operators, channels last: one file a family."""
