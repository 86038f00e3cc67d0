"""Look at images: copies, leaks, features, what a classifier reads of them."""
