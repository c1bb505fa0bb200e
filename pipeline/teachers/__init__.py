"""Teachers that were not trained here: a checkpoint, weights, a file in its own runtime, an encoder of text."""
