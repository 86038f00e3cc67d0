"""CutMix takes every pixel from exactly one of two images, and labels by the count."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from augfactory.methods.cutmix import CutmixParameters, cutmix, draw, weights
from augfactory.torchvision_import import import_torchvision
from tests.methods.slots import slots
from tests.methods.two_samples import agree

HEIGHT, WIDTH, CHANNELS = SHAPE = (5, 7, 3)
LARGE = (800, 1200, 1)


def test_agrees_with_a_pixel_by_pixel_reference() -> None:
    boxes = [(0, 0, 2, 3), (1, 4, 5, 7), (2, 2, 3, 3), (2, 3, 2, 6), (0, 0, HEIGHT, WIDTH)]
    size = HEIGHT * WIDTH * CHANNELS
    images = np.arange(2 * size, dtype=np.uint8).reshape(1, 2, *SHAPE).repeat(len(boxes), axis=0)
    draws = np.array(boxes, dtype=np.float64)
    mixed = cutmix(CutmixParameters(), images, draws)
    shares = weights(CutmixParameters(), draws, SHAPE)

    for i, (top, left, bottom, right) in enumerate(boxes):
        pasted = 0
        for row in range(HEIGHT):
            for column in range(WIDTH):
                inside = top <= row < bottom and left <= column < right
                pasted += inside
                expected = images[i, int(inside), row, column]
                assert mixed[i, row, column].tolist() == expected.tolist()
        total = HEIGHT * WIDTH
        assert shares[i].tolist() == [np.float32(1 - pasted / total), np.float32(pasted / total)]


def test_counting_the_pixels_of_two_colours_gives_the_weights() -> None:
    parameters = CutmixParameters()
    draws = draw(parameters, slots(200, (28, 20, 3)))
    colours = np.array([7, 200], dtype=np.uint8)
    images = np.broadcast_to(colours[:, None, None, None], (200, 2, 28, 20, 3))
    mixed = cutmix(parameters, images, draws)
    counted = [(mixed == colour).all(axis=3).mean(axis=(1, 2)) for colour in colours]
    stored = weights(parameters, draws, (28, 20, 3))
    np.testing.assert_array_equal(stored, np.array(counted, dtype=np.float32).T)
    assert len(np.unique(stored)) > 50


def test_alpha_zero_keeps_the_first_image() -> None:
    parameters = CutmixParameters(alpha=0)
    shares = weights(parameters, draw(parameters, slots(9, SHAPE)), SHAPE)
    assert shares.tolist() == [[1, 0]] * 9


@given(
    alpha=st.sampled_from([0, 1e-6, 1e-3, 0.2, 1, 20, 1e6]),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])),
    first=st.integers(0, 2**40),
)
def test_boxes_lie_inside_the_image(alpha: float, shape: tuple[int, int, int], first: int) -> None:
    top, left, bottom, right = draw(CutmixParameters(alpha=alpha), slots(20, shape, first)).T
    assert ((top >= 0) & (top <= bottom) & (bottom <= shape[0])).all()
    assert ((left >= 0) & (left <= right) & (right <= shape[1])).all()


def test_area_and_place_follow_the_paper() -> None:
    # Beta(1e6, 1e6) is all but 1/2, so that each side spans about 0.707 of the image.
    draws = draw(CutmixParameters(alpha=1e6), slots(4000, LARGE))
    top, left, bottom, right = draws.T
    clipped = np.stack([top == 0, left == 0, bottom == LARGE[0], right == LARGE[1]])
    whole = ~clipped.any(axis=0)
    areas = (bottom - top)[whole] * (right - left)[whole] / (LARGE[0] * LARGE[1])
    assert areas.mean() == pytest.approx(0.5, abs=0.002)
    # A uniform centre is within half a side of any one border with probability 0.354.
    assert clipped.mean(axis=1) == pytest.approx([0.354] * 4, abs=0.03)


def test_the_mean_share_is_what_the_integral_gives() -> None:
    # A side s of the image cut by the border keeps s - s²/4 on average; s² is uniform at alpha 1,
    # and the integral of (s - s²/4)² over it is 1/2 - 1/5 + 1/48.
    shares = weights(CutmixParameters(), draw(CutmixParameters(), slots(40_000, LARGE)), LARGE)
    pasted = shares[:, 1].astype(np.float64)
    error = pasted.std() / np.sqrt(len(pasted))
    assert abs(pasted.mean() - (1 / 2 - 1 / 5 + 1 / 48)) < 3 * error


@pytest.mark.parametrize("size", [11, 12, 28])
def test_small_boxes_are_not_truncated(size: int) -> None:
    # Truncated to even sides, as in the authors' code, boxes would lack a pixel on average.
    draws = draw(CutmixParameters(alpha=1e6), slots(4000, (size, size, 1)))
    top, bottom = draws[:, 0], draws[:, 2]
    whole = (top > 0) & (bottom < size)
    assert (bottom - top)[whole].mean() == pytest.approx(round(0.5**0.5 * size), abs=0.01)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_shares_and_centres_are_distributed_as_torchvisions(alpha: float) -> None:
    peer = import_torchvision("torchvision.transforms.v2").CutMix(alpha=alpha, num_classes=2)
    batch = torch.empty(1).expand(1, 1, *LARGE[:2])
    with torch.random.fork_rng():
        torch.manual_seed(4)
        drawn = [peer.make_params([batch]) for _ in range(2000)]
    ours = draw(CutmixParameters(alpha=alpha), slots(20_000, LARGE))
    kept = weights(CutmixParameters(), ours, LARGE)[:, 0].astype(np.float64)
    assert agree(kept, np.array([params["lam_adjusted"] for params in drawn]))
    left, top, right, bottom = np.array([params["box"] for params in drawn], dtype=np.float64).T
    assert agree(ours[:, 0] + ours[:, 2], top + bottom)
    assert agree(ours[:, 1] + ours[:, 3], left + right)


def test_at_small_alpha_boxes_are_empty_or_whole() -> None:
    # Where both Gamma variates of a Beta vanish, their ratio is not 1/2 (as in pytorch#15738).
    ours = draw(CutmixParameters(alpha=1e-3), slots(20_000, LARGE))
    kept = weights(CutmixParameters(), ours, LARGE)[:, 0]
    # Half of the boxes are empty. The others would cover the image, were they not cut.
    assert (kept == 1).mean() == pytest.approx(0.5, abs=0.02)
    assert ((kept > 0.49) & (kept < 0.51)).mean() == pytest.approx(
        _share_of_full_boxes_between(0.49, 0.51) / 2, abs=0.004
    )


def _share_of_full_boxes_between(low: float, high: float) -> float:
    """Return how often a box of the image's own size, centred anywhere, leaves so much of it."""
    sides = 0.5 + 0.5 * (np.arange(2000) + 0.5) / 2000  # what the border leaves, evenly spread
    kept = 1 - sides[:, None] * sides
    return float(((kept > low) & (kept < high)).mean())


@pytest.mark.parametrize("alpha", [-1.0, 1e-7, float("nan"), float("inf")])
def test_alpha_must_be_zero_or_in_range(alpha: float) -> None:
    with pytest.raises(ValidationError, match="must be 0 or lie between"):
        CutmixParameters(alpha=alpha)
