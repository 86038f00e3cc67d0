"""Commands on dataset versions, one file each."""
