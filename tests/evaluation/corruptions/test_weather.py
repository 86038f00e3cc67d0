"""Weather, by what must hold for it."""

import numpy as np
import pytest
from scipy import stats

from augfactory.evaluation.corruptions import weather
from augfactory.evaluation.corruptions.fractal import clouds
from augfactory.evaluation.corruptions.registry import corrupt
from augfactory.keyed_random import generator
from tests.evaluation.corruptions.images import batch, flat, photos

NO_STREAKS = {"radius": 0.0, "streak": 1.0}


def test_fog_adds_the_corner_of_a_cloud_and_keeps_the_brightest_value() -> None:
    images = photos(4)
    found = weather.fog(batch(images), 1.5, 1.75, 64)
    for row, image in enumerate(images):
        cloud = clouds([generator("test", row)], 64, 1.75)[0, :32, :36, None]
        brightest = image.max() / 255
        expected = (image / 255 + 1.5 * cloud) * brightest / (brightest + 1.5)
        np.testing.assert_allclose(found[row], 255 * expected, atol=0.51)
        assert found[row].max() <= image.max()
    assert (weather.fog(batch(flat(0)), 3, 1.4, 32) == 0).all()


def test_fog_goes_on_beyond_its_map_and_grows_with_the_image() -> None:
    wide = flat(200, size=(16, 80))
    repeated = weather.fog(batch(wide), 1, 2, 32)
    np.testing.assert_array_equal(repeated[:, :, :32], repeated[:, :, 32:64])
    small, large = (
        weather.fog(batch(flat(200, size=size), scale), 1, 2, 32).astype(np.float64)
        for size, scale in (((20, 24), 1), ((80, 96), 4))
    )
    blocks = large.reshape(4, 20, 4, 24, 4, 3).mean(axis=(2, 4))
    assert np.abs(blocks - small).mean() < 2


# Mean and deviation of the published photographs frost1.png to frost5.jpg, shrunk to a fifth as the
# published code shrinks them for CIFAR-10-C, and of each of their channels.
PHOTOGRAPHS = ((0.513, 0.170), (0.811, 0.089), (0.811, 0.089), (0.597, 0.123), (0.484, 0.173))
OF_CHANNELS = (0.563, 0.646, 0.695)


def test_frost_adds_a_piece_of_a_picture_to_a_darker_image() -> None:
    """What it adds is seen on black images, which the same keys give the same pieces."""
    images = photos(6)
    black = np.zeros_like(images)
    pieces = weather.frost(batch(black), 0.0, 1.0).astype(np.float64) / 255
    found = weather.frost(batch(images), 0.75, 0.45)
    expected = (0.75 * images / 255 + 0.45 * pieces).clip(0, 1)
    np.testing.assert_allclose(found, 255 * expected, atol=1)
    red, green, blue = pieces.mean(axis=(0, 1, 2))
    assert red / blue == pytest.approx(OF_CHANNELS[0] / OF_CHANNELS[2], abs=0.02)
    assert green / blue == pytest.approx(OF_CHANNELS[1] / OF_CHANNELS[2], abs=0.02)
    assert len(np.unique(pieces, axis=0)) == 6


def test_frost_pictures_are_as_the_photographs_and_go_on_at_their_borders() -> None:
    for number, (mean, deviation) in enumerate(PHOTOGRAPHS):
        grey, blue = (weather.frost_picture(number, channels) for channels in (1, 3))
        assert grey.shape == (256, 256, 1)
        assert grey.mean() == pytest.approx(mean, abs=0.01)
        assert grey.std() == pytest.approx(deviation, abs=0.01)
        inside = (blue[..., 2] > 0) & (blue[..., 2] < 1)
        assert (blue[..., 0] < blue[..., 2])[inside].all()
        assert inside.mean() > 0.8
        for picture in (grey[..., 0], grey[..., 0].T):
            # Where the gain leaves contrast, lines differ more: so the border's two are held to
            # those beside it, not to the whole picture. Cut off, they would differ twice as much.
            differences = np.abs(np.diff(np.roll(picture, 3, axis=0)[:6], axis=0)).mean(axis=1)
            assert differences[2] < 1.25 * np.delete(differences, 2).mean()


def test_frost_has_the_colour_and_the_grain_of_the_photographs() -> None:
    pictures = np.stack([weather.frost_picture(number, 3) for number in range(5)])
    np.testing.assert_allclose(pictures.mean(axis=(0, 1, 2)), OF_CHANNELS, atol=0.01)
    grey = pictures.mean(axis=3)
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    beside = (grey[:, :, :-1] * grey[:, :, 1:]).mean() / (grey**2).mean()
    assert 0.4 < beside < 0.7  # grainy: without grain, pixels follow their neighbours by 0.8


def test_frost_of_imagenet_is_five_times_as_coarse() -> None:
    black = np.zeros((4, 80, 120, 3), dtype=np.uint8)
    fine = weather.frost(batch(black[:, :16, :24]), 1.0, 1.0).astype(np.float64)
    coarse = weather.frost(batch(black), 1.0, 1.0, 5)
    blocks = coarse.reshape(4, 16, 5, 24, 5, 3).mean(axis=(2, 4))
    assert 4 * np.abs(blocks - fine).mean() < np.abs(blocks - fine[:, ::-1, ::-1]).mean()


def test_frost_is_thicker_with_severity() -> None:
    black = flat(0, count=30)
    means = [corrupt("cifar-c", "frost", severity, black, 0).mean() for severity in range(1, 6)]
    expected = np.array([0.2, 0.3, 0.4, 0.4, 0.45]) / 0.2
    np.testing.assert_allclose(np.array(means) / means[0], expected, rtol=0.2)


def test_snow_falls_on_both_sides_alike_and_whitens() -> None:
    images = flat(60)
    found = weather.snow(batch(images), 0.1, 0.3, 1.75, 0.5, 10, 4, 0.8)
    np.testing.assert_array_equal(found, found[:, ::-1, ::-1])
    ground = 0.8 * 60 / 255 + 0.2 * (1.5 * 60 / 255 + 0.5)
    assert found.min() == round(255 * ground)
    assert (found == found.min()).mean() > 0.05
    assert found.max() > found.min() + 60
    np.testing.assert_array_equal(found[..., 0], found[..., 2])


def test_snow_keeps_what_lies_above_the_threshold() -> None:
    """Without streaks a flake is a normal value above the threshold; its mirror image is added."""
    found = weather.snow(batch(flat(0, count=60)), 0.1, 0.3, 1, 0.5, **NO_STREAKS, share=1.0)
    values = found[..., 1] / 255
    below = stats.norm.cdf(0.5, 0.1, 0.3)
    assert (values == 0).mean() == pytest.approx(below**2, abs=0.01)
    assert values[values > 0].min() >= 0.5 - 1 / 255
    # One flake in so many pixels, its mirror image elsewhere, between 0.6 and 0.8.
    single = 2 * below * (stats.norm.cdf(0.8, 0.1, 0.3) - stats.norm.cdf(0.6, 0.1, 0.3))
    assert ((values > 0.6) & (values < 0.8)).mean() == pytest.approx(single, abs=0.01)


def test_snow_is_streaked_downwards() -> None:
    layer = weather.snow(batch(flat(0, count=40)), 0.1, 0.2, 1, 0.5, 10, 4, 1.0).astype(np.int64)
    along, across = (np.abs(np.diff(layer, axis=axis)).mean() for axis in (1, 2))
    assert along < 0.7 * across


def test_spatter_covers_with_mud_or_leaves_alone() -> None:
    images = flat(255, count=40)
    found = weather.spatter(batch(images), 0.65, 0.3, 1, 0.65, 1.5)
    covered = found < 255
    assert 0.05 < covered.mean() < 0.45
    assert found[covered].max() <= round(255 - 0.8 * (255 - 63))
    assert found.min() >= 63
    np.testing.assert_array_equal(covered[..., 0], covered[..., 1])
    assert (weather.spatter(batch(images), 0.5, 0.1, 1, 0.99, 1.5) == 255).all()
    np.testing.assert_array_equal(
        weather.spatter(batch(flat(63)), 0.65, 0.3, 1, 0.65, 1.5), flat(63)
    )
