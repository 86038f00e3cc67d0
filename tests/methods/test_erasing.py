"""Erasing covers one box with one colour, and changes nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from augfactory.methods.erasing import ErasingParameters, apply, draw
from tests.methods.slots import slots

SHAPE = (9, 14, 3)


def test_agrees_with_a_pixel_by_pixel_reference() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 1, *SHAPE), dtype=np.uint8)
    draws = draw(ErasingParameters(), slots(6, SHAPE))
    erased = apply(ErasingParameters(), images, draws)
    for i, (top, left, bottom, right, *level) in enumerate(draws.astype(int).tolist()):
        for row in range(SHAPE[0]):
            for column in range(SHAPE[1]):
                inside = top <= row < bottom and left <= column < right
                expected = level if inside else images[i, 0, row, column].tolist()
                assert erased[i, row, column].tolist() == expected


@given(
    smallest=st.floats(0.001, 1),
    more=st.floats(0, 1),
    aspect=st.floats(0.01, 1),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 3])),
)
def test_boxes_lie_inside_and_leave_something(
    smallest: float, more: float, aspect: float, shape: tuple[int, int, int]
) -> None:
    largest = min(1.0, smallest + more)
    parameters = ErasingParameters(smallest=smallest, largest=largest, aspect=aspect)
    draws = draw(parameters, slots(20, shape))
    top, left, bottom, right = draws.T[:4]
    assert ((top >= 0) & (top < bottom) & (bottom <= shape[0])).all()
    assert ((left >= 0) & (left < right) & (right <= shape[1])).all()
    whole = (bottom - top) * (right - left) == shape[0] * shape[1]
    assert not whole.any() or shape[:2] == (1, 1)


def test_areas_and_aspects_are_those_asked_for() -> None:
    parameters = ErasingParameters(smallest=0.1, largest=0.3, aspect=0.5)
    top, left, bottom, right = draw(parameters, slots(4000, (600, 900, 1))).T[:4]
    area = (bottom - top) * (right - left) / (600 * 900)
    ratio = np.log((bottom - top) / (right - left))
    assert 0.099 < area.min() < 0.102
    assert 0.298 < area.max() < 0.301
    assert area.mean() == pytest.approx(0.2, abs=0.003)
    assert np.abs(ratio).max() < np.log(2) + 0.02
    assert ratio.mean() == pytest.approx(0, abs=0.02)
    # Every place is as likely: the middle of the free way, on average.
    assert (top / (600 - (bottom - top))).mean() == pytest.approx(0.5, abs=0.02)


def test_sizes_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="above largest"):
        ErasingParameters(smallest=0.5, largest=0.4)
