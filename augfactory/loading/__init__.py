"""The Python API for trainers: `augfactory.load` and `augfactory.loader`."""
