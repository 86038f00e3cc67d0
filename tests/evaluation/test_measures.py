"""Measures against plain computations."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from augfactory.evaluation import measures
from augfactory.evaluation.measures import (
    accuracy,
    log_probabilities,
    negative_log_likelihood,
)
from tests.evaluation.memory import CLASSES, IMAGE_SHAPE, pattern_source


def naive_nll(logits: np.ndarray, labels: np.ndarray) -> float:
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        largest = max(row)
        total += math.log(sum(math.exp(value - largest) for value in row)) + largest - row[label]
    return total / len(labels)


def test_accuracy_and_nll_are_those_of_a_plain_computation() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 4, (50, 5))
    labels = random.integers(0, 5, 50)
    found = torch.from_numpy(logits).log_softmax(dim=1).numpy()
    right = sum(
        row.index(max(row)) == label for row, label in zip(logits.tolist(), labels, strict=True)
    )
    assert accuracy(found, labels) == right / 50
    assert negative_log_likelihood(found, labels) == pytest.approx(naive_nll(logits, labels))


def test_log_probabilities_come_in_row_order_across_batches() -> None:
    source = pattern_source("a", 2 * measures.TEST_BATCH + 3)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(IMAGE_SHAPE), CLASSES)).eval()
    found = log_probabilities(network, source)
    linear = network[1]
    assert isinstance(linear, nn.Linear)
    images = source.read_images(np.arange(len(source))).transpose(0, 3, 1, 2) / 255
    weight, bias = linear.weight.detach().double(), linear.bias.detach().double()
    logits = images.reshape(len(source), -1) @ weight.numpy().T + bias.numpy()
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_very_sure_and_wrong_stays_a_number() -> None:
    class Sure(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[1e4, 0.0, -1e4]]).expand(len(images), 3)

    source = pattern_source("a", 4)
    found = log_probabilities(
        Sure(), type(source)(**{**vars(source), "class_names": ("a", "b", "c")})
    )
    assert negative_log_likelihood(found, np.full(4, 2)) == pytest.approx(2e4)
