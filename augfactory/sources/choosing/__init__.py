"""Which rows of a source are taken."""
