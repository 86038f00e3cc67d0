"""Moved pixels against bilinear sampling pixel by pixel."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from augfactory.evaluation.corruptions import geometry
from augfactory.evaluation.corruptions.batch import Batch
from augfactory.keyed_random import generator
from augfactory.records import UInt8Array
from tests.arrays.bilinear import exact_value
from tests.evaluation.corruptions.images import batch, photos

IMAGES = np.ascontiguousarray(photos(8)[:, 3:24, 5:30])
BLACK = np.zeros(3, dtype=np.uint8)
Matrix = npt.NDArray[np.float64]


def agrees(image: UInt8Array, found: UInt8Array, linear: Matrix) -> bool:
    """Whether ``found`` is the image seen through ``linear``, (x, y) of the result -> of it."""
    height, width, _ = image.shape
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    for row, column in np.ndindex(height, width):
        x, y = centre + linear @ ([column, row] - centre)
        values, slack = exact_value(image, y, x, "constant", BLACK)
        if (np.abs(found[row, column] - values) > np.array(slack) + 0.51).any():
            return False
    return True


def sheared(angle: float) -> Matrix:
    return np.array([[1, -np.sin(angle)], [0, np.cos(angle)]])


def turned(angle: float) -> Matrix:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@pytest.mark.parametrize(
    ("change", "matrix"), [(geometry.shear, sheared), (geometry.rotate, turned)]
)
def test_shear_and_rotate_go_to_either_side(change, matrix) -> None:  # type: ignore[no-untyped-def]
    found = change(batch(IMAGES), 0.4)
    sides = []
    for row, image in enumerate(IMAGES):
        fits = [agrees(image, found[row], matrix(angle)) for angle in (0.4, -0.4)]
        assert sum(fits) == 1
        sides.append(fits[0])
    assert 0 < sum(sides) < len(sides)


def test_scale_shrinks_about_the_centre() -> None:
    found = geometry.scale(batch(IMAGES[:3]), 0.7)
    for row in range(3):
        assert agrees(IMAGES[row], found[row], np.eye(2) / 0.7)
    assert (found[:, 0] == 0).all()


def test_translate_goes_to_each_of_four_corners() -> None:
    images = np.repeat(IMAGES[:1], 40, axis=0)
    found = geometry.translate(batch(images), 3)
    corners = set()
    for image in found:
        for down, right in ((3, 3), (3, -3), (-3, 3), (-3, -3)):
            expected = np.zeros((27, 31, 3), dtype=np.uint8)
            expected[3 + down : 24 + down, 3 + right : 28 + right] = images[0]
            if (image == expected[3:24, 3:28]).all():
                corners.add((down, right))
                break
        else:
            raise AssertionError("moved elsewhere")
    assert len(corners) == 4
    twice = geometry.translate(batch(images, scale=2.2), 3)
    assert (twice[:, 7] != 0).any()
    assert (
        (twice[:, :7] == 0).all(axis=(1, 2, 3)) | (twice[:, -7:] == 0).all(axis=(1, 2, 3))
    ).all()


def test_elastic_without_bending_maps_three_points() -> None:
    rows, columns = np.mgrid[:30, :42]
    smooth = np.stack([4 * rows + 2 * columns, 5 * columns, 200 - 3 * rows - columns], axis=2)
    images = np.repeat(smooth[None].astype(np.uint8), 6, axis=0)
    found = geometry.elastic_transform(batch(images), 0, 0, 0.08)
    for row in range(6):
        # Points (row, column) about the middle, moved by at most 8 % of the shorter side.
        start = np.array([[15 + 10, 21 + 10], [15 - 10, 21 + 10], [15 - 10, 21 - 10]])
        end = start + generator("test", row).uniform(-2.4, 2.4, (3, 2))
        matrix = cv2.getAffineTransform(
            start[:, ::-1].astype(np.float32), end[:, ::-1].astype(np.float32)
        )
        expected = cv2.warpAffine(images[row], matrix, (42, 30), borderMode=cv2.BORDER_REFLECT)
        inside = cv2.warpAffine(np.ones((30, 42), np.uint8), matrix, (42, 30)) > 0
        away = np.abs(found[row].astype(np.int64) - expected)
        assert away[3:-3, 3:-3][inside[3:-3, 3:-3]].max() <= 2
        assert (found[row] != images[row]).mean() > 0.3


def test_elastic_bends_more_with_strength_and_smaller_swells() -> None:
    rows, columns = np.mgrid[:60, :64]
    ramp = np.repeat((60 + 2 * columns + 0 * rows)[None, :, :, None], 10, axis=0).astype(np.uint8)

    def bent(strength: float, deviation: float) -> float:
        changed = geometry.elastic_transform(Batch(ramp, _noises(10), 1), strength, deviation, 0)
        return float((changed.astype(np.int64) - ramp)[:, 8:-8, 8:-8].std()) / 2

    # Simard et al.: root mean square alpha / (sigma sqrt(12 pi)), here in pixels of 60.
    for strength, deviation in ((0.08, 0.06), (0.1, 0.04), (0.1, 0.03)):
        expected = strength / (deviation * np.sqrt(12 * np.pi))
        assert bent(strength, deviation) == pytest.approx(expected, rel=0.35)


def _noises(count: int) -> list[np.random.Generator]:
    return [generator("bent", row) for row in range(count)]
