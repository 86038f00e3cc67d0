"""Labelled images, however they are kept: each file opens one kind."""
