"""How much a model file may ask for; a few bytes that ask for more are refused before anything of that size is made."""

LARGEST = 2**24  # elements of one tensor
MEMORY = 2**29  # bytes that folded constants, and the orders of values, may take together
MOST_LAYERS = 4096  # nodes; larger by far than what runs on small devices, and passes look at every pair of them
