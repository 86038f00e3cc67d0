"""What a corruption is given, and the way from bytes to values in [0, 1] and back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from augfactory.arrays.colour import LUMA
from augfactory.records import Float32Array, UInt8Array


@dataclass(frozen=True)
class Batch:
    """Images to corrupt.

    Attributes:
        images: uint8 [n, H, W, C], n 1 or more, C 1 or 3, not to be written to.
        noises: one generator per image, in their order; each is made when it is asked for, and
            they can be gone through once.
        scale: by how much sizes in pixels grow, 1 or more: the shorter side over the side that
            the constants were chosen for.
    """

    images: UInt8Array
    noises: Iterable[np.random.Generator]
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[1], self.images.shape[2]

    @property
    def values(self) -> Float32Array:
        """The images as new float32 [n, H, W, C] in [0, 1]."""
        return self.images.astype(np.float32) / np.float32(255)

    @property
    def luma(self) -> Float32Array:
        """The images in grey, new float32 [n, H, W] in [0, 1]: ITU-R 601-2 luma."""
        values = self.values
        if values.shape[3] == 1:
            return values[..., 0]
        values *= np.array(LUMA, dtype=np.float32)
        luma: Float32Array = values[..., 0] + values[..., 1] + values[..., 2]
        return luma


# A corruption at one severity: a pure function, each image's result from that image and its noise.
Change = Callable[[Batch], UInt8Array]


def to_bytes(values: Float32Array) -> UInt8Array:
    """Clip values to [0, 1] and round them to grey levels."""
    levels = values.clip(0, 1)
    levels *= np.float32(255)
    rounded: UInt8Array = np.rint(levels, out=levels).astype(np.uint8)
    return rounded
