"""The page that shows the rows of a dataset version."""
