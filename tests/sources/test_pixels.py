"""What each kind of image becomes, against rules written out in numpy."""

import io

import numpy as np
import pytest
from PIL import Image

from augfactory.records import FITS, Colour, UInt8Array
from augfactory.sources.parsing.arrays import source_of_arrays
from augfactory.sources.parsing.pixels import converted, is_grey, pixels_of
from tests.sources.written import HEIGHT, WIDTH, encoded, noise

RGB = noise(HEIGHT, WIDTH, 3)
GREY = noise(HEIGHT, WIDTH, seed=1)


def reopened(image: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    again = Image.open(io.BytesIO(encoded(image, kind, **options)))
    again.load()
    return again


def test_rgb_and_grey_stay_as_they_are() -> None:
    assert np.array_equal(pixels_of(Image.fromarray(RGB), None, 3), RGB)
    assert np.array_equal(pixels_of(Image.fromarray(GREY), None, 1)[:, :, 0], GREY)


def test_grey_to_rgb_is_three_equal_channels() -> None:
    pixels = pixels_of(Image.fromarray(GREY), None, 3)
    assert np.array_equal(pixels, np.repeat(GREY[:, :, None], 3, axis=2))


def test_rgb_to_grey_is_itu_601() -> None:
    luma = RGB @ np.array([0.299, 0.587, 0.114])
    assert np.abs(pixels_of(Image.fromarray(RGB), None, 1)[:, :, 0] - luma).max() <= 0.51


def test_sixteen_bit_is_divided_by_257_and_rounded() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(128, 512)
    pixels = pixels_of(reopened(Image.fromarray(values)), None, 1)[:, :, 0]
    assert np.array_equal(pixels, np.rint(values / 257))
    tiff = pixels_of(reopened(Image.fromarray(values), "TIFF"), None, 1)[:, :, 0]
    assert np.array_equal(tiff, pixels)


def test_sixteen_bit_transparent_value_becomes_white() -> None:
    values = np.full((HEIGHT, WIDTH), 5000, dtype=np.uint16)
    values[3, 4] = 1234
    image = reopened(Image.fromarray(values), transparency=1234)
    pixels = pixels_of(image, None, 1)[:, :, 0]
    assert pixels[3, 4] == 255
    assert (pixels == 255).sum() == 1


def test_one_bit_becomes_black_and_white() -> None:
    bits = GREY > 127
    assert np.array_equal(pixels_of(Image.fromarray(bits), None, 1)[:, :, 0], bits * 255)


def test_transparency_is_laid_on_white() -> None:
    alpha = noise(HEIGHT, WIDTH, 1, seed=2)
    share = alpha / 255
    image = Image.fromarray(np.concatenate([RGB, alpha], axis=2))
    expected = RGB * share + 255 * (1 - share)
    assert np.abs(pixels_of(reopened(image), None, 3) - expected).max() <= 1
    grey_alpha = Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(alpha[:, :, 0])))
    expected_grey = GREY * share[:, :, 0] + 255 * (1 - share[:, :, 0])
    assert np.abs(pixels_of(grey_alpha, None, 1)[:, :, 0] - expected_grey).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_and_its_transparent_colour(kind: str) -> None:
    colours = np.array([[200, 10, 30], [0, 250, 90], [7, 8, 9]], dtype=np.uint8)
    indices = noise(HEIGHT, WIDTH, seed=3) % 3
    image = Image.fromarray(indices)
    image.putpalette(colours.tobytes())
    assert image.mode == "P"
    assert np.array_equal(pixels_of(reopened(image, kind), None, 3), colours[indices])
    on_white = colours.copy()
    on_white[1] = 255
    pixels = pixels_of(reopened(image, kind, transparency=1), None, 3)
    assert np.array_equal(pixels, on_white[indices])


def test_cmyk_becomes_rgb() -> None:
    cmyk = Image.fromarray(noise(HEIGHT, WIDTH, 3)).convert("CMYK")
    assert cmyk.mode == "CMYK"
    assert np.array_equal(
        pixels_of(reopened(cmyk, "TIFF"), None, 3), np.asarray(cmyk)[:, :, :3] ^ 255
    )


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_pixels_are_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="32-bit"):
        pixels_of(Image.new(mode, (WIDTH, HEIGHT)), None, 1)


# What a viewer must do to a stored array to show it upright (Exif 2.3, tag 0x0112).
UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_is_applied_once(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    image = reopened(Image.fromarray(RGB), kind, exif=exif, **options)
    assert np.array_equal(pixels_of(image, None, 3), UPRIGHT[orientation](RGB))


def test_damaged_exif_leaves_the_image_as_stored() -> None:
    image = reopened(Image.fromarray(RGB), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\xff")
    assert np.array_equal(pixels_of(image, None, 3), RGB)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((HEIGHT, HEIGHT), RGB[:, 4:16]),
        ((HEIGHT, WIDTH), RGB),
        ((HEIGHT // 3, WIDTH), RGB[4:8]),
    ],
)
def test_size_crops_the_centre(size: tuple[int, int], expected: UInt8Array) -> None:
    assert np.array_equal(pixels_of(Image.fromarray(RGB), size, 3), expected)


def test_size_keeps_the_aspect() -> None:
    """A disc stays a disc: equally wide and high after a landscape becomes a square."""
    down, across = np.mgrid[:60, :100]
    disc = ((down - 29.5) ** 2 + (across - 49.5) ** 2 < 20**2) * np.uint8(255)
    pixels = pixels_of(Image.fromarray(disc), (30, 30), 1)[:, :, 0] > 127
    assert pixels.any(axis=0).sum() == pixels.any(axis=1).sum() == 20


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((40, 80), dtype=np.uint8)
    stripes[:, ::2] = 255
    pixels = pixels_of(Image.fromarray(stripes), (10, 20), 1)
    assert np.abs(pixels.astype(int) - 127).max() < 40


def test_grey_is_told_from_mode_and_palette() -> None:
    grey_palette = Image.fromarray(GREY)
    grey_palette.putpalette(np.repeat(np.arange(256, dtype=np.uint8)[::-1], 3).tobytes())
    coloured = Image.fromarray(GREY)
    coloured.putpalette(noise(768).tobytes())
    assert grey_palette.mode == coloured.mode == "P"
    assert is_grey(grey_palette)
    assert not is_grey(coloured)
    for mode, grey in {"1": True, "L": True, "LA": True, "I;16": True, "RGB": False}.items():
        assert is_grey(Image.new(mode, (WIDTH, HEIGHT))) is grey
    for mode in ("RGBA", "CMYK"):
        assert not is_grey(Image.new(mode, (WIDTH, HEIGHT)))


@pytest.mark.parametrize("colour", ["auto", "grey", "rgb"])
@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_are_converted_as_files_are(channels: int, colour: Colour) -> None:
    images = noise(5, HEIGHT, WIDTH, channels)
    whole = source_of_arrays(
        name="x",
        split=None,
        class_names=tuple("abcde"),
        images=images,
        labels=np.arange(5),
        soft_labels=None,
        row_name=str,
    )
    source = converted(whole, (8, 10), colour)
    wanted = {"auto": channels, "grey": 1, "rgb": 3}[colour]
    assert source.image_shape == (8, 10, wanted)
    rows = np.array([4, 0, 4])
    expected = [pixels_of(Image.fromarray(images[row].squeeze()), (8, 10), wanted) for row in rows]
    assert np.array_equal(source.read_images(rows), expected)
    assert source.read_images(rows[:0]).shape == (0, 8, 10, wanted)


def test_ways_to_fit_a_size() -> None:
    wide = np.zeros((10, 40, 3), dtype=np.uint8)
    wide[:, :20] = (200, 100, 40)
    wide[:, 20:] = (20, 60, 220)
    image = Image.fromarray(wide)
    crop, squash, pad = (pixels_of(image, (10, 20), 3, fit) for fit in FITS)
    assert np.array_equal(crop, wide[:, 10:30])
    assert np.array_equal(crop, pixels_of(image, (10, 20), 3))
    assert np.array_equal(squash[:, [0, 19]], wide[:, [0, 39]])
    assert not pad[[0, 1, 8, 9]].any()  # 20 wide it is 5 high
    assert np.array_equal(pad[4, [0, 19]], wide[4, [0, 39]])
    source = source_of_arrays(
        name="x",
        split=None,
        class_names=("a", "b"),
        images=wide[None],
        labels=np.array([0]),
        row_name=str,
    )
    for fit, expected in zip(FITS, (crop, squash, pad), strict=True):
        read = converted(source, (10, 20), "auto", fit).read_images(np.array([0]))
        assert np.array_equal(read[0], expected)
