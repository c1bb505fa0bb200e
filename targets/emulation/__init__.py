"""A C package on an emulated board: built, run, and counted."""
