"""One storage format per file."""
