"""What who builds an app gets of a model: the files for every runtime, what stands around them, and code that runs."""
