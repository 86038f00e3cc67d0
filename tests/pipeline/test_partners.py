"""A partner is of the same class, another image, and every other image has its chance."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from augfactory.errors import InputDataError
from augfactory.methods.method import Pairing
from augfactory.pipeline.partners import (
    check_pairing,
    mixing_partners,
    rows_by_class,
    same_class_partners,
)

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


@given(
    labels=LABELS,
    partners=st.integers(1, 4),
    pairing=st.sampled_from(["any", "same", "other", "balanced"]),
    seed=st.integers(0, 2**32),
)
def test_no_image_meets_itself_and_classes_are_kept(
    labels: list[int], partners: int, pairing: Pairing, seed: int
) -> None:
    array = np.array(labels, dtype=np.int64)
    class_rows = rows_by_class(array, 5)
    try:
        check_pairing(class_rows, partners, pairing, tuple("abcde"))
    except InputDataError:
        assume(False)  # too few images: refused before anything is drawn
    leads = np.arange(len(array))
    drawn = mixing_partners(class_rows, leads, partners, pairing, np.random.default_rng(seed))
    for lead, row in zip(leads.tolist(), drawn.tolist(), strict=True):
        assert len({lead, *row}) == partners + 1
        if pairing in ("same", "other"):
            same = {array[partner] == array[lead] for partner in row}
            assert same == {pairing == "same"}


@pytest.mark.parametrize(
    ("pairing", "expected"),
    [  # lead is row 0 of class 0; classes hold 2, 1 and 5 rows
        ("any", [0, 1 / 7, 1 / 7, 1 / 7, 1 / 7, 1 / 7, 1 / 7, 1 / 7]),
        ("same", [0, 1, 0, 0, 0, 0, 0, 0]),
        ("other", [0, 0, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6]),
        # a class at random, one of its rows at random, the lead itself drawn anew
        ("balanced", [0, 0.2, 0.4, 0.08, 0.08, 0.08, 0.08, 0.08]),
    ],
)
def test_shares_of_each_pairing(pairing: Pairing, expected: list[float]) -> None:
    class_rows = rows_by_class(np.array([0, 0, 1, 2, 2, 2, 2, 2], dtype=np.int64), 3)
    leads = np.zeros(40_000, dtype=np.int64)
    drawn = mixing_partners(class_rows, leads, 1, pairing, np.random.default_rng(7))
    shares = np.bincount(drawn[:, 0], minlength=8) / len(leads)
    assert np.abs(shares - expected).max() < 0.01  # four standard deviations


@pytest.mark.parametrize(
    ("pairing", "partners", "small"), [("same", 2, "'b'"), ("other", 3, "'a'"), ("any", 5, "'a'")]
)
def test_too_few_images_are_named(pairing: Pairing, partners: int, small: str) -> None:
    class_rows = rows_by_class(np.array([0, 0, 0, 1, 1], dtype=np.int64), 2)
    with pytest.raises(InputDataError, match=f"class {small}"):
        check_pairing(class_rows, partners, pairing, ("a", "b"))
