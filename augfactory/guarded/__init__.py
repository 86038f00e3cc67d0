"""Reading what nobody vouches for: files that may be no files, sizes that may be lies.

A source, a dataset version, a model and the folder of an interrupted run are read through this room
and in no other way. What it refuses is an ``OSError`` or a ``ValueError``, which the callers turn
into the error that fits: of input data, of a version, of a recipe.
"""
