"""Compare datasets with their originals."""
