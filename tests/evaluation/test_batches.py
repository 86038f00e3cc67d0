"""Which rows a step gets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augfactory.errors import RecipeError
from augfactory.evaluation.training.batches import (
    images_with_views,
    ordered,
    read_order,
    shared,
    with_views,
)
from augfactory.evaluation.training.training_set import TrainingSet, plain_set
from tests.evaluation.memory import pattern_source


def expanded(originals: int, copies: int, views: int = 0) -> TrainingSet:
    """Originals, ``copies`` rounds made from them, then ``views`` views of each original."""
    blocks = 1 + copies + views
    block = np.repeat(np.arange(blocks), originals)
    origin = np.tile(np.arange(originals), blocks)
    return TrainingSet(
        source=pattern_source("a", blocks * originals),
        original=block == 0,
        round=np.where(block <= copies, block, 0),
        origin=origin,
        clean=np.where(block > copies, origin, -1),
    )


def test_rounds_come_in_order_and_share_the_steps() -> None:
    training = expanded(6, 3)
    drawn = list(ordered(training, "rounds", steps=12, batch=4, seed=0))
    served = [set(training.round[rows].tolist()) for rows in drawn]
    assert served == [{number} for number in (0, 1, 2, 3) for _ in range(3)]
    assert sorted(np.concatenate(drawn[3:6]).tolist()) == sorted([*range(6, 12)] * 2)


@given(originals=st.integers(1, 9), copies=st.integers(1, 4), seed=st.integers(0, 99))
def test_one_of_k_shows_each_original_once_an_epoch(originals: int, copies: int, seed: int) -> None:
    training = expanded(originals, copies)
    epochs = list(ordered(training, "one-of-k", steps=40, batch=originals, seed=seed))
    for rows in epochs:
        assert sorted(training.origin[rows].tolist()) == list(range(originals))
    rows_of_first = {int(rows[training.origin[rows] == 0][0]) for rows in epochs}
    assert rows_of_first == {originals * copy for copy in range(copies + 1)}


@pytest.mark.parametrize(("share", "real"), [(0.5, 4), (0.25, 2), (0.01, 1), (0.99, 7)])
def test_real_and_synthetic_rows_come_in_the_stated_share(share: float, real: int) -> None:
    training = expanded(3, 5)
    drawn = list(shared(training, share, steps=6, batch=8, seed=1))
    assert [int(training.original[rows].sum()) for rows in drawn] == [real] * 6
    assert len({tuple(rows) for rows in drawn}) == 6


def test_views_stand_beside_the_image_they_show() -> None:
    training = expanded(5, 1, views=3)
    drawn = np.concatenate(list(with_views(training, steps=30, batch=5, seed=2)))
    assert drawn.shape == (150, 3)
    assert training.original[drawn[:, 0]].all()
    assert (training.clean[drawn[:, 1:]] == drawn[:, :1]).all()
    assert (drawn[:, 1] != drawn[:, 2]).all()
    pairs = {tuple(sorted(pair)) for pair in drawn[drawn[:, 0] == 0, 1:].tolist()}
    assert len(pairs) == 3


def test_images_with_one_view_are_left_out() -> None:
    training = expanded(4, 0, views=2)
    clean, views = images_with_views(training.restricted_to(np.delete(np.arange(12), 4)))
    assert clean.tolist() == [1, 2, 3]
    assert [len(own) for own in views] == [2, 2, 2]
    assert len(images_with_views(plain_set(pattern_source("a", 5)))[0]) == 0


def test_restricting_keeps_views_and_their_images_together() -> None:
    training = expanded(4, 1, views=2)
    kept = np.array([1, 3, 9, 13, 12])
    restricted = training.restricted_to(kept)
    assert restricted.clean.tolist() == [-1, -1, 0, 0, -1]
    assert restricted.origin.tolist() == training.origin[kept].tolist()


def test_a_wrong_order_is_mended() -> None:
    with pytest.raises(RecipeError, match="one-of-k"):
        read_order("one-of")
