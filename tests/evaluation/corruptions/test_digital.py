"""Brightness, contrast, pixels and JPEG against plain code and Pillow."""

import colorsys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from augfactory.evaluation.corruptions import digital
from augfactory.records import UInt8Array
from tests.evaluation.corruptions.images import batch, digits, photos


def picture(image: UInt8Array) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


@pytest.mark.parametrize("amount", [0.05, 0.3, 0.5])
def test_brightness_raises_the_value_of_hsv(amount: float) -> None:
    images = photos(2)[:, ::3, ::2].copy()
    images[0, 0, :3] = [[0, 0, 0], [0, 7, 0], [255, 255, 255]]
    found = digital.brightness(batch(images), amount)
    for place in np.ndindex(images.shape[:3]):
        hue, saturation, value = colorsys.rgb_to_hsv(*(images[place] / 255).tolist())
        expected = colorsys.hsv_to_rgb(hue, saturation, min(value + amount, 1))
        np.testing.assert_allclose(found[place], 255 * np.array(expected), atol=0.51)


def test_brightness_of_grey_images_is_a_sum() -> None:
    images = digits(5)
    expected = np.minimum(images / 255 + 0.5, 1) * 255
    np.testing.assert_allclose(digital.brightness(batch(images), 0.5), expected, atol=0.51)


@pytest.mark.parametrize("share", [0.75, 0.15])
def test_contrast_keeps_the_mean_of_each_channel(share: float) -> None:
    images = photos(3)
    found = digital.contrast(batch(images), share)
    for row, channel in np.ndindex(3, 3):
        plane = images[row, :, :, channel].astype(np.float64)
        expected = plane.mean() + share * (plane - plane.mean())
        np.testing.assert_allclose(found[row, :, :, channel], expected, atol=0.51)


@pytest.mark.parametrize("images", [digits(3), photos(3)], ids=["digits", "photos"])
@pytest.mark.parametrize("share", [0.95, 0.65])
def test_pixelate_is_pillow_by_areas(images: UInt8Array, share: float) -> None:
    height, width = images.shape[1:3]
    found = digital.pixelate(batch(images), share)
    for row, image in enumerate(images):
        small = picture(image).resize(
            (int(width * share), int(height * share)), Image.Resampling.BOX
        )
        large = np.asarray(small.resize((width, height), Image.Resampling.BOX))
        np.testing.assert_array_equal(found[row], large.reshape(image.shape))


def test_pixelate_leaves_as_many_pixels_of_a_large_image() -> None:
    images = np.repeat(np.repeat(photos(2), 2, axis=1), 2, axis=2)
    found = digital.pixelate(batch(images, 2.0), 0.75)
    for row, image in enumerate(images):
        small = picture(image).resize((27, 24), Image.Resampling.BOX)  # as of 36 × 32 pixels
        large = np.asarray(small.resize((72, 64), Image.Resampling.BOX))
        np.testing.assert_array_equal(found[row], large)


def test_pixelate_by_a_quarter_averages_blocks() -> None:
    images = photos(2)
    blocks = images.reshape(2, 8, 4, 9, 4, 3).mean(axis=(2, 4))
    expected = blocks.repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_allclose(digital.pixelate(batch(images), 0.25), expected, atol=1.01)


@pytest.mark.parametrize("images", [digits(3), photos(3)], ids=["digits", "photos"])
@pytest.mark.parametrize("quality", [80, 40])
def test_jpeg_is_what_pillow_reads_back(images: UInt8Array, quality: int) -> None:
    found = digital.jpeg_compression(batch(images), quality)
    for row, image in enumerate(images):
        file = BytesIO()
        picture(image).save(file, "JPEG", quality=quality)
        with Image.open(file) as read:
            np.testing.assert_array_equal(found[row], np.asarray(read).reshape(image.shape))
