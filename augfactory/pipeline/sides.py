"""Which images a method can take."""

from collections.abc import Iterable

from augfactory.errors import InputDataError
from augfactory.methods.method import Method


def check_sides(methods: Iterable[Method], image_shape: tuple[int, int, int], where: str) -> None:
    """Refuse images (height, width, channels) that one of ``methods`` cannot take.

    ``where`` names their source, for messages.

    Raises:
        InputDataError: a side is longer than a method can move pixels.
    """
    height, width, _ = image_shape
    for method in methods:
        if method.largest_side is not None and max(height, width) > method.largest_side:
            raise InputDataError(
                where,
                f"its images are {height}×{width} pixels, and {method.name} moves the pixels of "
                f"at most {method.largest_side:,} a side",
                f"Convert them, for example with --size 64, or leave {method.name} out.",
            )
