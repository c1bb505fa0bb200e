"""Other quantizers beside ours: the same nets, weights and samples, each tool in an environment of its own."""
