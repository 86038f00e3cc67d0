"""Who runs the tasks: each file runs the same function over the same list."""
