"""Run a file for its numbers, each in a child process: ONNX Runtime, LiteRT, TFLite Micro, numpy."""
