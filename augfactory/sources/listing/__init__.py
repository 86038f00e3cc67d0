"""What is in a folder: classes, splits, image files, links, what is left out."""
