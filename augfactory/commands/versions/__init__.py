"""Look at, check, compare, export and render again what was published."""
