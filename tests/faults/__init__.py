"""Faults of every kind, injected on purpose; `make faults` runs all of them."""
