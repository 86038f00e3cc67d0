"""Corrupted copies of test images, as benchmarks publish them."""
