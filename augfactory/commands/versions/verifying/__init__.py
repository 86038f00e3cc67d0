"""What `verify` holds a version to."""
