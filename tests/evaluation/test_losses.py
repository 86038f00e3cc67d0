"""The losses against plain computations and the published formula."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from augfactory.errors import RecipeError
from augfactory.evaluation.training.batch_policy import read_loss
from augfactory.evaluation.training.losses import (
    JSD_WEIGHT,
    consistent_cross_entropy,
    jensen_shannon,
)


def entropy(shares: np.ndarray) -> float:
    return -math.fsum(share * math.log(share) for share in shares.tolist() if share > 0)


def test_the_divergence_is_the_entropy_of_the_mean_less_the_mean_entropy() -> None:
    logits = np.random.default_rng(0).normal(0, 2, (3, 7, 5))
    shares = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    expected = np.mean(
        [
            entropy(shares[:, row].mean(axis=0)) - np.mean([entropy(own) for own in shares[:, row]])
            for row in range(7)
        ]
    )
    found = jensen_shannon(torch.from_numpy(logits.reshape(21, 5)))
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_it_goes_from_nothing_to_ln_3() -> None:
    alike = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).repeat(3, 1)
    assert jensen_shannon(alike).item() == pytest.approx(0, abs=1e-6)
    apart = torch.eye(3).repeat_interleave(4, dim=0) * 100
    assert jensen_shannon(apart).item() == pytest.approx(math.log(3), abs=1e-4)


def test_half_precision_does_not_underflow() -> None:
    logits = (torch.eye(3).repeat_interleave(4, dim=0) * 60).half()
    assert jensen_shannon(logits).item() == pytest.approx(math.log(3), abs=1e-4)


def test_a_probability_that_underflows_leaves_the_gradient_a_number() -> None:
    logits = (torch.eye(3).repeat_interleave(4, dim=0) * 500).requires_grad_()
    jensen_shannon(logits).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_cross_entropy_sees_the_clean_images_alone() -> None:
    logits = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([[0.7, 0.3, 0, 0, 0], [0, 0, 1, 0, 0], [0.2, 0.2, 0.2, 0.2, 0.2]])
    expected = F.cross_entropy(logits[:3], targets) + JSD_WEIGHT * jensen_shannon(logits)
    assert torch.equal(consistent_cross_entropy(logits, targets), expected)


def test_a_wrong_name_is_mended() -> None:
    assert read_loss("jsd") == "jsd"
    with pytest.raises(RecipeError, match="jsd"):
        read_loss("jds")
