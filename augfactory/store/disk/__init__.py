"""The disk: atomic writing, locks, scratch folders, the calls themselves."""
