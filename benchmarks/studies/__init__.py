"""Measurements of edgestill itself, each a program that leaves its figures in `results/`."""
