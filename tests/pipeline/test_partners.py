"""A partner is of the same class, another image, and every other image has its chance."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augfactory.pipeline.partners import rows_by_class, same_class_partners

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=60)


@given(labels=LABELS, seed=st.integers(0, 2**32))
def test_same_class_never_itself(labels: list[int], seed: int) -> None:
    array = np.array(labels, dtype=np.int64)
    rows = np.arange(len(array))
    partners = same_class_partners(
        rows_by_class(array, 5), rows, len(rows), np.random.default_rng(seed)
    )
    assert np.array_equal(array[partners], array)
    alone = np.bincount(array, minlength=5)[array] == 1
    assert np.array_equal(partners == rows, alone)


def test_every_other_image_is_as_likely() -> None:
    labels = np.array([1, 0, 1, 2, 1, 1, 0], dtype=np.int64)
    rows = np.full(30_000, 2, dtype=np.int64)
    drawn = same_class_partners(rows_by_class(labels, 3), rows, 30_000, np.random.default_rng(5))
    counts = np.bincount(drawn, minlength=7)
    assert counts[[1, 2, 3, 6]].sum() == 0
    assert np.abs(counts[[0, 4, 5]] - 10_000).max() < 300  # 3.7 standard deviations


def test_draws_do_not_depend_on_how_many_are_asked() -> None:
    class_rows = rows_by_class(np.array([0, 1, 0, 1, 0, 0], dtype=np.int64), 2)
    rows = np.arange(6)
    whole = same_class_partners(class_rows, rows, 64, np.random.default_rng(0))
    part = same_class_partners(class_rows, rows[:4], 64, np.random.default_rng(0))
    assert np.array_equal(part, whole[:4])
