"""A stratified subset: exact, as equal as can be, nested, and the same for the same seed."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.errors import RecipeError
from augfactory.records import Int64Array
from augfactory.sources.choosing.subset import stratified_rows

LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=60).map(
    lambda values: np.array(values, dtype=np.int64)
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Int64Array, int, int]:
    labels = draw(LABELS)
    count = draw(st.integers(len(np.unique(labels)), len(labels)))
    return labels, count, draw(st.integers(0, 2**40))


@given(requests())
def test_rows_are_exact_sorted_and_distinct(request_: tuple[Int64Array, int, int]) -> None:
    labels, count, seed = request_
    rows = stratified_rows(labels, count, seed)
    assert rows.dtype == np.int64
    assert len(rows) == count
    assert (np.diff(rows) > 0).all()
    assert rows.min() >= 0
    assert rows.max() < len(labels)
    assert np.array_equal(rows, stratified_rows(labels, count, seed))


@given(requests())
def test_classes_are_as_equal_as_can_be(request_: tuple[Int64Array, int, int]) -> None:
    """A class may have two rows fewer than another only if it has no more to give."""
    labels, count, seed = request_
    available = np.bincount(labels, minlength=7)
    taken = np.bincount(labels[stratified_rows(labels, count, seed)], minlength=7)
    present = available > 0
    for mine, other in itertools.permutations(np.flatnonzero(present), 2):
        assert taken[mine] >= taken[other] - 1 or taken[mine] == available[mine]


@given(requests(), st.data())
def test_smaller_is_part_of_larger(
    request_: tuple[Int64Array, int, int], data: st.DataObject
) -> None:
    labels, count, seed = request_
    fewer = data.draw(st.integers(len(np.unique(labels)), count))
    assert set(stratified_rows(labels, fewer, seed)) <= set(stratified_rows(labels, count, seed))


@given(requests())
def test_other_classes_do_not_change_which_rows_a_class_gives(
    request_: tuple[Int64Array, int, int],
) -> None:
    """A class's rows depend on the seed, the class and where its rows lie, on nothing else."""
    labels, _, seed = request_
    labels = np.concatenate([labels, [7, 8]])
    classes = len(np.unique(labels))
    rows = stratified_rows(labels, classes, seed)
    relabelled = np.where(labels == 8, 9, labels)
    assert np.array_equal(rows, stratified_rows(relabelled, classes, seed))


def test_seeds_and_classes_differ() -> None:
    labels = np.tile(np.arange(10), 200)
    rows = [stratified_rows(labels, 100, seed) for seed in range(4)]
    for one, other in itertools.combinations(rows, 2):
        assert len(set(one) & set(other)) < 30
    places = {tuple(rows[0][labels[rows[0]] == label] // 10) for label in range(10)}
    assert len(places) == 10


def test_a_remainder_goes_to_classes_drawn_by_the_seed() -> None:
    labels = np.tile(np.arange(10), 20)
    favoured = {
        tuple(np.flatnonzero(np.bincount(labels[stratified_rows(labels, 13, seed)]) == 2))
        for seed in range(8)
    }
    assert len(favoured) > 4
    assert all(len(classes) == 3 for classes in favoured)


def test_every_row_is_as_likely() -> None:
    labels = np.repeat([0, 1], 10)
    times = sum(np.bincount(stratified_rows(labels, 8, seed), minlength=20) for seed in range(1000))
    assert np.abs(times - 400).max() < 5 * np.sqrt(1000 * 0.4 * 0.6)


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        (2, "2 rows asked for 3 classes\n.*at least one of each class: 3"),
        (0, "0 rows asked.*\n.*3"),
        (-1, "-1 rows asked.*\n.*3"),
        (5, "5 rows asked, but there are 4\n.*at most 4, or leave it off"),
        (10**9, "1000000000 rows asked"),
    ],
)
def test_what_cannot_be_drawn_is_a_wrong_request(count: int, reason: str) -> None:
    with pytest.raises(RecipeError, match=f"^--n-train: {reason}"):
        stratified_rows(np.array([0, 1, 4, 4]), count, 0)
    with pytest.raises(RecipeError, match=r"^test_rows: "):
        stratified_rows(np.array([0, 1, 4, 4]), count, 0, "test_rows")
