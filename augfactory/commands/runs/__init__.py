"""Train classifiers, one run each, and keep what each came to."""
