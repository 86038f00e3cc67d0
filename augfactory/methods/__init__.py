"""One augmentation method per file."""
