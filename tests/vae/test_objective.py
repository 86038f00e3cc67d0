"""The loss, by hand and against torch.distributions."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from augfactory.vae import objective


def test_reconstruction_by_hand() -> None:
    images = torch.tensor([[0.0, 1.0, 0.25], [0.5, 0.5, 0.5]]).reshape(2, 1, 1, 3)
    shares = torch.tensor([[0.1, 0.8, 0.25], [0.5, 0.5, 0.5]]).reshape(2, 1, 1, 3)
    first = -(math.log(0.9) + math.log(0.8) + 0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    expected = (first + 3 * objective.BLANK_NATS) / 2
    assert objective.reconstruction_loss(shares.logit(), images).item() == pytest.approx(expected)


def test_kl_is_that_of_torch() -> None:
    mean, log_variance = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    ours = objective.kl_divergence(mean, log_variance)
    theirs = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0, 1)).sum() / 5
    assert torch.allclose(ours, theirs)


def test_kl_weight_rises_and_stays() -> None:
    weights = [objective.kl_weight_at(step, 4, 0.5) for step in range(6)]
    assert weights == pytest.approx([0, 0.125, 0.25, 0.375, 0.5, 0.5])
    assert objective.kl_weight_at(0, 0, 0.5) == 0.5


def test_learning_rate_falls_along_half_a_cosine() -> None:
    rates = [objective.learning_rate_at(step, 4, 0.2) for step in range(4)]
    assert rates == pytest.approx([0.2, 0.1 * (1 + 0.5**0.5), 0.1, 0.1 * (1 - 0.5**0.5)])
    assert objective.learning_rate_at(3, 4, 0.2, "constant") == 0.2
