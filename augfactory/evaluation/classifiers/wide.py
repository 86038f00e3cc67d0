"""The default classifier with more channels: slower, and better where images vary much."""

from torch import nn

from augfactory.evaluation.classifiers.quick import quick

WIDTHS = (64, 128, 256)


def wide(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return ``quick`` with 64, 128 and 256 channels, of any images, grey or in colour.

    A step of images in colour takes 2.3 times as long. ``docs/experiments.md`` says what it reads,
    under "The classifier of evaluate".
    """
    return quick(image_shape, classes, WIDTHS)
