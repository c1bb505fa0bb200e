"""Graph to graph: each pass is one small pure function in a file of its own."""
