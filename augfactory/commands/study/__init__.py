"""Grids of comparisons, from a file."""
