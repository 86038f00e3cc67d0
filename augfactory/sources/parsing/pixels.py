"""The conversion policy: what the pixels of any image become.

In this order:

1. The first frame counts; further frames and pages are dropped.
2. The EXIF orientation is applied.
3. 16-bit grey is divided by 257 and rounded, so that 65535 becomes 255. (Pillow itself reads 16-bit
   colour as 8 bits, by the high byte.) 1-bit becomes 0 and 255. 32-bit pixels are refused, since
   nothing says what their white is.
4. Transparency is laid on white.
5. Palettes, CMYK, YCbCr and HSV become rgb.
6. Colour: rgb to grey by ITU-R 601-2 luma (Pillow's ``L``); grey to rgb by three equal channels.
7. Size, where one is asked (Pillow's BICUBIC, antialiased when shrinking). ``crop``: the shorter
   side is scaled to fit and the longer one cropped at the centre, so that shapes keep their aspect.
   ``pad``: the longer side is scaled to fit and the image laid in the middle of black. ``squash``:
   each side is scaled by itself, so that all is seen and shapes change.
"""

from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps

from augfactory.records import Colour, Fit, Int64Array, Source, UInt8Array

ORIENTATION_TAG = 0x0112
TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def pixels_of(
    image: Image.Image, size: tuple[int, int] | None, channels: int, fit: Fit | None = None
) -> UInt8Array:
    """Return uint8 [H, W, channels] by the policy above.

    Args:
        image: a loaded image of any mode and size.
        size: (height, width) wanted; None keeps the image's own.
        channels: 1 for grey, 3 for rgb.
        fit: how it is brought to ``size``; None is "crop".

    Raises:
        ValueError: 32-bit pixels, or a mode that Pillow cannot convert to rgb.
    """
    image = _eight_bit(_upright(image)).convert("L" if channels == 1 else "RGB")
    if size is not None:
        image = _fitted(image, size, fit)
    return np.asarray(image).reshape(image.height, image.width, channels)


def is_grey(image: Image.Image) -> bool:
    """Say whether the image holds shades of grey only, judging by its mode and palette."""
    if image.mode != "P":
        return image.mode in ("1", "L", "LA", "La", "I") or image.mode.startswith("I;16")
    palette = np.asarray(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def converted(
    source: Source, size: tuple[int, int] | None, colour: Colour, fit: Fit | None = None
) -> Source:
    """Return ``source`` with each image brought to ``size`` and ``colour`` when it is read."""
    height, width, channels = source.image_shape
    wanted = {"auto": channels, "grey": 1, "rgb": 3}[colour]
    shape = (*(size or (height, width)), wanted)
    if shape == source.image_shape:
        return source

    def read_images(rows: Int64Array) -> UInt8Array:
        images = source.read_images(rows)
        block = np.empty((len(rows), *shape), dtype=np.uint8)
        for place, image in enumerate(images):
            plain = Image.fromarray(image[:, :, 0] if channels == 1 else image)
            block[place] = pixels_of(plain, size, wanted, fit)
        return block

    return replace(source, image_shape=shape, read_images=read_images)


def _fitted(image: Image.Image, size: tuple[int, int], fit: Fit | None) -> Image.Image:
    wide, how = (size[1], size[0]), Image.Resampling.BICUBIC
    if fit == "squash":
        return image.resize(wide, how)
    if fit == "pad":
        return ImageOps.pad(image, wide, how)
    return ImageOps.fit(image, wide, how)


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; damaged EXIF data says nothing about it."""
    try:
        orientation = image.getexif().get(ORIENTATION_TAG)
    except Exception:  # the pixels are sound, and every viewer shows them
        return image
    transpose = TRANSPOSES.get(orientation) if isinstance(orientation, int) else None
    return image if transpose is None else image.transpose(transpose)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return the image as 8-bit grey or rgb without transparency, or in a mode that converts."""
    if image.mode in ("I", "F"):
        raise ValueError("32-bit pixels; save it with 8 or 16 bits per channel")
    if image.mode.startswith("I;16"):
        return _from_sixteen_bit(image)
    if image.has_transparency_data:
        painted = image.convert("RGBA")
        white = Image.new("RGBA", painted.size, "white")
        return Image.alpha_composite(white, painted).convert("RGB")
    return image


def _from_sixteen_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.uint32)
    grey = ((values + 128) // 257).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey)
