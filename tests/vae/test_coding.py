"""Coding: rounding, padding, and rows that do not feel each other."""

import numpy as np
import pytest
import torch

from augfactory.errors import InputDataError
from augfactory.records import BLOCK_ROWS, one_hot
from augfactory.vae.checkpoint import Model
from augfactory.vae.coding import decode, encode
from augfactory.vae.networks.registry import NETWORKS
from tests.vae.small import IMAGE_SHAPE, LATENT, bars, trained_model

ROWS = 2 * BLOCK_ROWS + 5


@pytest.fixture(scope="module", params=list(NETWORKS))
def model(request: pytest.FixtureRequest) -> Model:
    return trained_model(request.param)


def test_any_number_of_rows_gives_equal_bytes(model: Model) -> None:
    images, labels = bars(ROWS)
    shares = one_hot(labels, 3)
    mean, log_variance = encode(model, images, shares)
    assert mean.shape == log_variance.shape == (ROWS, LATENT)
    assert mean.dtype == log_variance.dtype == np.float32
    made = decode(model, mean, shares)
    assert made.shape == (ROWS, *IMAGE_SHAPE)
    assert made.dtype == np.uint8
    for count in (1, 7, BLOCK_ROWS, BLOCK_ROWS + 1):
        fewer_mean, fewer_log_variance = encode(model, images[:count], shares[:count])
        assert fewer_mean.tobytes() == mean[:count].tobytes()
        assert fewer_log_variance.tobytes() == log_variance[:count].tobytes()
        assert decode(model, mean[:count], shares[:count]).tobytes() == made[:count].tobytes()


def test_a_row_does_not_feel_its_neighbours(model: Model) -> None:
    images, labels = bars(BLOCK_ROWS)
    shares = one_hot(labels, 3)
    mean, log_variance = encode(model, images, shares)
    made = decode(model, mean, shares)
    for place in (0, 17, BLOCK_ROWS - 1):
        alone, alone_shares, alone_codes = images.copy(), shares.copy(), mean.copy()
        others = np.arange(BLOCK_ROWS) != place
        alone[others], alone_shares[others], alone_codes[others] = 0, 0, 0
        codes = encode(model, alone, alone_shares)
        assert codes[0][place].tobytes() == mean[place].tobytes()
        assert codes[1][place].tobytes() == log_variance[place].tobytes()
        assert decode(model, alone_codes, alone_shares)[place].tobytes() == made[place].tobytes()


def test_pixels_are_rounded_not_truncated(model: Model) -> None:
    images, labels = bars(9)
    shares = one_hot(labels, 3)
    mean, log_variance = encode(model, images, shares)
    with torch.no_grad():
        tensor = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
        expected_mean, expected_log_variance = model.network.encode(
            tensor, torch.from_numpy(shares)
        )
        logits = model.network.decode(expected_mean, torch.from_numpy(shares)).numpy()
    assert np.allclose(mean, expected_mean, atol=1e-5)
    assert np.allclose(log_variance, expected_log_variance, atol=1e-5)
    exact = (255 / (1 + np.exp(-logits.astype(np.float64)))).transpose(0, 2, 3, 1)
    assert np.abs(decode(model, mean, shares) - exact).max() < 0.51


def test_no_rows_are_no_rows(model: Model) -> None:
    nothing = np.empty((0, 3), dtype=np.float32)
    mean, log_variance = encode(model, np.empty((0, *IMAGE_SHAPE), dtype=np.uint8), nothing)
    assert mean.shape == log_variance.shape == (0, LATENT)
    assert decode(model, mean, nothing).shape == (0, *IMAGE_SHAPE)


def test_inputs_are_left_alone(model: Model) -> None:
    images, labels = bars(5)
    shares = one_hot(labels, 3)
    before = images.copy(), shares.copy()
    mean, _ = encode(model, images, shares)
    codes = mean.copy()
    decode(model, mean, shares)
    assert np.array_equal(images, before[0])
    assert np.array_equal(shares, before[1])
    assert np.array_equal(mean, codes)


def test_weights_that_give_no_numbers_make_no_images() -> None:
    """Finite weights may still overflow: all that is decoded by them would be alike."""
    images, labels = bars(7)
    shares = one_hot(labels, 3)
    model = trained_model(steps=2)
    mean, _ = encode(model, images, shares)
    with torch.no_grad():
        for tensor in model.network.parameters():
            tensor.fill_(3e38)
    with pytest.raises(InputDataError, match="not finite"):
        encode(model, images, shares)
    with pytest.raises(InputDataError, match="not finite"):
        decode(model, mean, shares)
