"""A version copied to another place."""
