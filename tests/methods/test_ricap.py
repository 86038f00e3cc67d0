"""RICAP puts four crops together, and labels by the count.

No library has a RICAP to compare with; the references are the authors' formulas, in closed form.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from augfactory.methods.method import Draws
from augfactory.methods.ricap import RicapParameters, beta_in, draw, ricap, weights
from augfactory.records import UInt8Array
from tests.methods.slots import slots

SHAPE = (5, 7, 3)
DIGIT = (28, 28, 1)


def reference(images: UInt8Array, draws: npt.NDArray[np.float64]) -> UInt8Array:
    """Patch one row together, pixel by pixel: ``images`` [4, H, W, C], ``draws`` [11 or 12]."""
    height, width = images.shape[1:3]
    boundary_row, boundary_column = int(draws[1]), int(draws[2])
    result = np.empty(images.shape[1:], dtype=np.uint8)
    for row in range(height):
        for column in range(width):
            lower, right = row >= boundary_row, column >= boundary_column
            crop = 2 * lower + right
            top, left = int(draws[3 + 2 * crop]), int(draws[4 + 2 * crop])
            from_row = top + row - (boundary_row if lower else 0)
            from_column = left + column - (boundary_column if right else 0)
            assert from_row < height
            assert from_column < width
            result[row, column] = images[crop, from_row, from_column]
    return result


@given(
    beta=st.sampled_from([0.0, 1e-6, 0.05, 0.3, 1.0, 1e6]),
    scope=st.sampled_from(["sample", "batch"]),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])),
    first=st.integers(0, 2**40),
)
def test_agrees_with_a_pixel_by_pixel_reference(
    beta: float, scope: Any, shape: tuple[int, int, int], first: int
) -> None:
    parameters = RicapParameters(beta=beta, scope=scope, batch_size=2)
    draws = draw(parameters, slots(4, shape, first))
    size = 4 * 4 * int(np.prod(shape))
    images = np.arange(size, dtype=np.uint32).astype(np.uint8).reshape(4, 4, *shape)
    patched = ricap(parameters, images, draws)
    for row in range(4):
        np.testing.assert_array_equal(patched[row], reference(images[row], draws[row]))


@pytest.mark.parametrize(
    ("boundary", "crop"),
    [((5, 7), 0), ((5, 0), 1), ((0, 7), 2), ((0, 0), 3)],
    ids=["upper left", "upper right", "lower left", "lower right"],
)
def test_a_boundary_at_a_corner_leaves_one_whole_image(
    boundary: tuple[int, int], crop: int
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, 4, *SHAPE), dtype=np.uint8)
    offsets = np.zeros((4, 2))
    draws = np.concatenate([[0.3], boundary, offsets.ravel()])[None]
    np.testing.assert_array_equal(ricap(RicapParameters(), images, draws)[0], images[0, crop])
    assert weights(RicapParameters(), draws, SHAPE).tolist() == [np.eye(4)[crop].tolist()]


def test_counting_the_pixels_of_four_colours_gives_the_weights() -> None:
    parameters, shape = RicapParameters(beta=1.0), (28, 20, 3)
    draws = draw(parameters, slots(200, shape))
    colours = np.array([7, 80, 130, 200], dtype=np.uint8)
    images = np.broadcast_to(colours[:, None, None, None], (200, 4, *shape))
    patched = ricap(parameters, images, draws)
    counted = [(patched == colour).all(axis=3).mean(axis=(1, 2)) for colour in colours]
    stored = weights(parameters, draws, shape)
    np.testing.assert_array_equal(stored, np.array(counted, dtype=np.float32).T)


def images_in(draws: Draws, shape: tuple[int, int, int]) -> list[float]:
    """Return how often one, two and four images can be seen."""
    seen = (weights(RicapParameters(), draws, shape) > 0).sum(axis=1)
    return [float((seen == count).mean()) for count in (1, 2, 4)]


@pytest.mark.parametrize(
    ("beta", "inside"),
    [
        # P(0 < rint(28 u) < 28) for u ~ Beta(1/2, 1/2), the arcsine distribution, and u ~ U(0, 1)
        pytest.param(0.5, 1 - 4 / np.pi * np.arcsin(np.sqrt(0.5 / 28)), id="arcsine"),
        pytest.param(1.0, 1 - 1 / 28, id="uniform"),
    ],
)
def test_how_many_images_are_seen_follows_from_beta(beta: float, inside: float) -> None:
    draws = draw(RicapParameters(beta=beta), slots(40_000, DIGIT))
    expected = [(1 - inside) ** 2, 2 * inside * (1 - inside), inside**2]
    assert images_in(draws, DIGIT) == pytest.approx(expected, abs=0.01)


def test_at_the_default_beta_the_card_tells_how_many_are_seen() -> None:
    draws = draw(RicapParameters(), slots(40_000, DIGIT))
    assert images_in(draws, DIGIT) == pytest.approx([0.11, 0.45, 0.44], abs=0.015)


def test_the_second_moment_follows_from_beta() -> None:
    # E[w² + (1-w)²] = (β+1)/(2β+1) for each of the two independent sides.
    shape = (1000, 1500, 1)
    shares = weights(RicapParameters(), draw(RicapParameters(), slots(40_000, shape)), shape)
    squares = np.square(shares.astype(np.float64)).sum(axis=1)
    error = squares.std() / np.sqrt(len(squares))
    assert abs(squares.mean() - (1.3 / 1.6) ** 2) < 3 * error


def test_crops_reach_every_position_equally_often() -> None:
    # Beta(1e6, 1e6) puts the boundary in the middle: 14 of 28 leave the offsets 0..14.
    draws = draw(RicapParameters(beta=1e6), slots(6000, DIGIT))
    assert np.unique(draws[:, 1:3]).tolist() == [14]
    for offset in draws[:, 3:].T:
        counts = np.bincount(offset.astype(np.int64), minlength=15)
        assert len(counts) == 15
        # χ² with 14 degrees of freedom is above 42.6 once in ten thousand.
        assert ((counts - 400) ** 2 / 400).sum() < 42.6


def test_rows_of_a_batch_share_the_boundary_alone() -> None:
    parameters = RicapParameters(beta=1.0, scope="batch", batch_size=8)
    draws = draw(parameters, slots(48, (200, 300, 1), first=4))
    batch = np.arange(4, 52) // 8
    assert draws[:, 11].tolist() == batch.tolist()
    for number in range(7):
        rows = draws[batch == number]
        assert len(np.unique(rows[:, 1:3], axis=0)) == 1
        assert len(np.unique(rows[:, 3:11], axis=0)) == len(rows)
    assert len(np.unique(draws[:, 1:3], axis=0)) == 7


def test_a_batch_is_the_same_however_its_rows_are_divided() -> None:
    parameters = RicapParameters(beta=1.0, scope="batch", batch_size=8)
    whole = draw(parameters, slots(16, (200, 300, 1)))
    parts = [draw(parameters, slots(5, (200, 300, 1), first=first)) for first in (0, 5, 10)]
    np.testing.assert_array_equal(np.concatenate(parts)[:, :3], whole[:15, :3])


def test_rows_have_their_own_boundary_by_default() -> None:
    draws = draw(RicapParameters(beta=1.0), slots(48, (200, 300, 1)))
    assert draws.shape[1] == 11
    assert len(np.unique(draws[:, 1:3], axis=0)) == 48


@pytest.mark.parametrize(
    ("round_", "beta"), [(0, 0.01), (20, 0.01), (21, 0.0241), (55, 0.505), (89, 0.9859), (90, 1)]
)
def test_beta_grows_as_in_the_document(round_: int, beta: float) -> None:
    parameters = RicapParameters(ramp_start=20, ramp_end=90)
    assert beta_in(parameters, np.array([round_])) == pytest.approx([beta], abs=5e-5)
    assert beta_in(parameters, np.array([1000])) == 1


@pytest.mark.parametrize("scope", ["sample", "batch"])
def test_the_draws_tell_which_beta_was_used(scope: Any) -> None:
    # There are 5 rows in a round, and batches of 8 are cut where beta changes.
    parameters = RicapParameters(
        scope=scope, batch_size=8, beta_min=0.5, beta_max=2.5, ramp_start=1, ramp_end=3
    )
    draws = draw(parameters, slots(20, (200, 300, 1), per_round=5))
    assert draws[:, 0].tolist() == [0.5] * 10 + [1.5] * 5 + [2.5] * 5
    # In batch scope: rows 0-7, 8-9, 10-14, 15 and 16-19.
    assert len(np.unique(draws[:, 1:3], axis=0)) == (20 if scope == "sample" else 5)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"beta": -0.1}, "must be 0 or lie between"),
        ({"ramp_start": 3}, "ramp_start and ramp_end go together"),
        ({"ramp_end": 3}, "ramp_start and ramp_end go together"),
        ({"ramp_start": 3, "ramp_end": 3}, "ramp_end must come after ramp_start"),
        ({"ramp_start": 3, "ramp_end": 9, "beta": 1}, "beta has no effect with ramp_start"),
        ({"beta_max": 0.5}, "beta_max has no effect without ramp_start"),
        ({"scope": "bach"}, "'sample' or 'batch'"),
        ({"batch_size": 0}, "greater than or equal to 1"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(
    parameters: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        RicapParameters.model_validate(parameters)
