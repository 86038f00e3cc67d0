"""Train classifiers on datasets and compare them."""
