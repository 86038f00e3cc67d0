"""Boxes count, tile and paste the pixels that they say."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from augfactory.arrays.boxes import areas, boxes_around, quarters, with_boxes_of
from augfactory.records import Int64Array

HEIGHT, WIDTH = 5, 7


def mask(box: Int64Array, height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.bool_]:
    top, left, bottom, right = box.tolist()
    return np.array(
        [
            [top <= row < bottom and left <= column < right for column in range(width)]
            for row in range(height)
        ]
    )


def test_areas_count_pixels() -> None:
    boxes = np.array([[[0, 0, 5, 7], [1, 2, 4, 3]], [[2, 2, 2, 6], [0, 6, 5, 6]]])
    assert areas(boxes).tolist() == [[mask(box).sum() for box in pair] for pair in boxes]


@given(height=st.integers(1, 9), width=st.integers(1, 9), data=st.data())
def test_quarters_cover_every_pixel_once_in_reading_order(
    height: int, width: int, data: st.DataObject
) -> None:
    row, column = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
    boxes = quarters(np.array([[row, column]]), height, width)[0]
    owner = np.stack([mask(box, height, width) for box in boxes])
    assert (owner.sum(axis=0) == 1).all()
    for place in np.ndindex(height, width):
        assert owner[2 * (place[0] >= row) + (place[1] >= column)][place]


def test_boxes_around_are_centred_and_cut_at_the_border() -> None:
    centres = np.array([[2, 3], [2, 3], [0, 0], [4, 6], [2, 3]])
    sides = np.array([[2, 4], [1, 3], [4, 4], [4, 5], [0, 0]])
    assert boxes_around(centres, sides, HEIGHT, WIDTH).tolist() == [
        [1, 1, 3, 5],
        [2, 2, 3, 5],
        [0, 0, 2, 2],
        [2, 4, 5, 7],
        [2, 3, 2, 3],
    ]


def test_boxes_are_pasted_pixel_by_pixel() -> None:
    boxes = np.array([[0, 0, 2, 3], [1, 4, 5, 7], [2, 2, 2, 6], [0, 0, HEIGHT, WIDTH]])
    values = np.arange(len(boxes) * HEIGHT * WIDTH * 3).astype(np.uint8)
    images = values.reshape(len(boxes), HEIGHT, WIDTH, 3)
    others = images ^ np.uint8(255)
    before = images.copy()
    pasted = with_boxes_of(images, others, boxes)
    for image, other, box, result in zip(images, others, boxes, pasted, strict=True):
        np.testing.assert_array_equal(result, np.where(mask(box)[..., None], other, image))
    np.testing.assert_array_equal(images, before)
