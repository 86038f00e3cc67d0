"""Options that several commands have, or that belong together."""
