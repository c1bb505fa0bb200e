"""The graph: NHWC tensors and operators in memory, float or integer, and the readers and writers around it."""
