"""Mixup adds up whole images in exact shares, and anybody can do it again from what is stored."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from augfactory.keyed_random import generator
from augfactory.methods.mixup import CHUNK_VALUES, MixupParameters, draw, mixup, weights
from augfactory.records import UInt8Array
from augfactory.torchvision_import import import_torchvision
from tests.methods.slots import slots
from tests.methods.two_samples import agree

SHAPE = (5, 7, 3)


def noise(count: int, parents: int, shape: tuple[int, int, int] = SHAPE) -> UInt8Array:
    return generator("noise", count).integers(0, 256, (count, parents, *shape), dtype=np.uint8)


@pytest.mark.parametrize("parents", [2, 3, 5])
def test_agrees_with_exact_fractions_pixel_by_pixel(parents: int) -> None:
    parameters = MixupParameters(parents=parents, alpha=1.0)
    images, draws = noise(4, parents), draw(parameters, slots(4, SHAPE))
    shares = weights(parameters, draws, SHAPE)
    mixed = mixup(parameters, images, draws)

    for row in range(4):
        exact = [Fraction(float(share)) for share in shares[row]]
        assert sum(exact) == 1
        for place in np.ndindex(SHAPE):
            values = [int(images[row, parent][place]) for parent in range(parents)]
            total = sum(share * value for share, value in zip(exact, values, strict=True))
            assert mixed[row][place] == round(total)  # half to even, as np.rint


@given(
    parents=st.integers(2, 16),
    alpha=st.sampled_from([0, 1e-6, 1e-3, 0.2, 1, 100, 1e6]),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3])),
)
def test_the_cards_formula_gives_the_bytes_in_any_order_and_precision(
    parents: int, alpha: float, shape: tuple[int, int, int]
) -> None:
    parameters = MixupParameters(parents=parents, alpha=alpha)
    x, draws = noise(3, parents, shape), draw(parameters, slots(3, shape))
    w = weights(parameters, draws, shape)
    mixed = mixup(parameters, x, draws)
    np.testing.assert_array_equal(np.rint((w[:, :, None, None, None] * x).sum(1)), mixed)
    w, x = w[:, ::-1].astype(np.float64), x[:, ::-1]
    np.testing.assert_array_equal(np.rint((w[:, :, None, None, None] * x).sum(1)), mixed)


def test_rounds_half_to_even_and_reaches_both_ends() -> None:
    pairs = np.array([[0, 0], [0, 1], [1, 2], [2, 3], [0, 255], [254, 255], [255, 255]])
    images = pairs.astype(np.uint8)[:, :, None, None, None]
    mixed = mixup(MixupParameters(), images, np.full((len(pairs), 2), 0.5))
    assert mixed.ravel().tolist() == [0, 0, 2, 2, 128, 254, 255]


def test_an_image_larger_than_a_chunk_is_mixed_whole() -> None:
    shape = (2, CHUNK_VALUES // 4, 3)
    images, draws = noise(2, 2, shape), np.array([[0.25, 0.75], [1, 0]])
    mixed = mixup(MixupParameters(), images, draws)
    np.testing.assert_array_equal(mixed[1], images[1, 0])
    expected = np.rint(images[0, 0] * 0.25 + images[0, 1] * 0.75)
    np.testing.assert_array_equal(mixed[0], expected)


def test_alpha_zero_keeps_the_first_image() -> None:
    parameters = MixupParameters(parents=3, alpha=0)
    images = noise(6, 3)
    np.testing.assert_array_equal(
        mixup(parameters, images, draw(parameters, slots(6, SHAPE))), images[:, 0]
    )


def test_mixes_as_torchvision_does_at_the_same_weight() -> None:
    v2 = import_torchvision("torchvision.transforms.v2")
    images = noise(8, 1)[:, 0]
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        theirs, labels = v2.MixUp(alpha=1.0, num_classes=8)(batch, torch.arange(8))
    own = float(labels[0, 0])  # torchvision draws one weight for the batch
    assert 0.05 < own < 0.95

    pairs = np.stack([images, np.roll(images, 1, axis=0)], axis=1)
    draws = np.tile([own, 1 - own], (8, 1))
    ours = mixup(MixupParameters(), pairs, draws)
    assert np.abs(ours - theirs.permute(0, 2, 3, 1).numpy()).max() < 0.51
    shares = weights(MixupParameters(), draws, SHAPE)
    np.testing.assert_allclose(shares, draws, rtol=0, atol=2e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_weights_are_distributed_as_torchvisions(alpha: float) -> None:
    peer = import_torchvision("torchvision.transforms.v2").MixUp(alpha=alpha, num_classes=2)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        theirs = np.array([peer.make_params([])["lam"] for _ in range(2000)])
    ours = draw(MixupParameters(alpha=alpha), slots(20_000, SHAPE))[:, 0]
    # float32, as theirs are: closer to 1 than 6e-8 is 1
    assert agree(ours.astype(np.float32).astype(np.float64), theirs)


def test_at_small_alpha_almost_no_weight_is_a_half() -> None:
    # Where both Gamma variates of a Beta vanish, their ratio is not 1/2 (as in pytorch#15738).
    ours = draw(MixupParameters(alpha=1e-3), slots(20_000, SHAPE))[:, 0]
    # Of Beta(α, α) at small α, about α/2 × ln(0.6/0.4) × 2 lies between 0.4 and 0.6.
    assert ((ours > 0.4) & (ours < 0.6)).mean() < 0.001


@pytest.mark.parametrize("alpha", [-1.0, 1e-7, 2e6, float("nan"), float("inf")])
def test_alpha_must_be_zero_or_in_range(alpha: float) -> None:
    with pytest.raises(ValidationError, match="must be 0 or lie between 1e-06 and 1e\\+06"):
        MixupParameters(alpha=alpha)


def test_at_least_two_parents() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        MixupParameters(parents=1)
