"""Changes of brightness and contrast, coarse pixels, and JPEG."""

from io import BytesIO

import numpy as np
from PIL import Image

from augfactory.evaluation.corruptions.batch import Batch, to_bytes
from augfactory.records import UInt8Array


def brightness(batch: Batch, amount: float) -> UInt8Array:
    """Raise the value of hue, saturation and value by ``amount`` in [0, 1]."""
    values = batch.values
    value = values.max(axis=3, keepdims=True)
    raised = np.minimum(value + np.float32(amount), 1)
    # At a given hue and saturation, all channels grow with the value; black has none of either.
    grown = values * (raised / np.where(value > 0, value, 1))
    return to_bytes(np.where(value > 0, grown, raised))


def contrast(batch: Batch, share: float) -> UInt8Array:
    """Keep ``share`` of each value's distance from the mean of its channel."""
    pixels = batch.images.shape[1] * batch.images.shape[2]
    total = batch.images.sum(axis=(1, 2), dtype=np.int64, keepdims=True)
    mean = (total / (255 * pixels)).astype(np.float32)
    return to_bytes((batch.values - mean) * np.float32(share) + mean)


def pixelate(batch: Batch, share: float) -> UInt8Array:
    """Shrink both sides to ``share`` of their pixels and enlarge again, by areas.

    Larger images are shrunk to as many pixels as small ones.
    """
    height, width = batch.size
    share /= batch.scale
    small = max(1, int(width * share)), max(1, int(height * share))
    result = np.empty_like(batch.images)
    for image, target in zip(batch.images, result, strict=True):
        coarse = _picture(image).resize(small, Image.Resampling.BOX)
        again = coarse.resize((width, height), Image.Resampling.BOX)
        target[...] = np.asarray(again).reshape(target.shape)
    return result


def jpeg_compression(batch: Batch, quality: int) -> UInt8Array:
    """Save as JPEG of ``quality`` 1 to 95, and read back."""
    result = np.empty_like(batch.images)
    for image, target in zip(batch.images, result, strict=True):
        file = BytesIO()
        _picture(image).save(file, "JPEG", quality=quality)
        with Image.open(file) as read:
            target[...] = np.asarray(read).reshape(target.shape)
    return result


def _picture(image: UInt8Array) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
