"""Single rows of a dataset version: what the plan says of them, and a page to look through them."""
