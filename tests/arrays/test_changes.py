"""Each image gets the change, strength and sign that stand in its own row."""

import numpy as np

from augfactory.arrays.changes import CHANGES, Reach, changed

REACH = Reach(shear=0.3, translate=0.4, rotate=30, blend=0.9, bits=4, fill_value=9)


def test_rows_are_changed_one_by_one_and_the_images_stay() -> None:
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (60, 5, 8, 3), dtype=np.uint8)
    before = images.copy()
    number = random.integers(len(CHANGES), size=60).astype(np.float64)
    strength, sign = random.random(60), random.choice([-1.0, 1.0], 60)
    together = changed(images, number, strength, sign, REACH)
    np.testing.assert_array_equal(images, before)
    for row, change in enumerate(number.astype(int)):
        one = slice(row, row + 1)
        expected = list(CHANGES.values())[change](images[one], strength[one], sign[one], REACH)
        np.testing.assert_array_equal(together[one], expected)
    together ^= 255
    np.testing.assert_array_equal(images, before)
