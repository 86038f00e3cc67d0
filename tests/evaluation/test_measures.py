"""Measures against plain computations."""

import importlib
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn import metrics
from torch import nn

from augfactory.evaluation.comparison.measures import (
    accuracy,
    class_accuracy,
    confusion,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    scaled,
    scores,
)
from augfactory.evaluation.training.predicting import TEST_BATCH, log_probabilities
from augfactory.torchvision_import import import_torchvision
from tests.evaluation.memory import CLASSES, IMAGE_SHAPE, pattern_source

import_torchvision("torchvision")  # torchmetrics imports it, and would fail without its schemas
torchmetrics: Any = importlib.import_module("torchmetrics.functional.classification")


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
    source = pattern_source("a", 2 * TEST_BATCH + 3)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(IMAGE_SHAPE), CLASSES)).eval()
    found = log_probabilities(network, source.read_images, np.arange(len(source)), CLASSES)
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
    found = log_probabilities(Sure(), source.read_images, np.arange(4), 3)
    assert negative_log_likelihood(found, np.full(4, 2)) == pytest.approx(2e4)


def some_predictions(
    seed: int, rows: int, classes: int, sharpness: float
) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(0, sharpness, (rows, classes)))
    return logits.log_softmax(dim=1).numpy(), random.integers(0, classes, rows)


@given(
    seed=st.integers(0, 1000),
    rows=st.integers(2, 300),
    classes=st.integers(2, 12),
    sharpness=st.floats(0.1, 4),
)
def test_scores_are_those_of_torchmetrics_and_scikit_learn(
    seed: int, rows: int, classes: int, sharpness: float
) -> None:
    found, labels = some_predictions(seed, rows, classes, sharpness)
    labels[:classes] = np.arange(classes)[:rows]
    probabilities, answers = np.exp(found), found.argmax(axis=1)
    assume(probabilities.max() < 1 - 1e-6)  # torchmetrics puts float32's 1 into a bin of its own
    own = scores(found, labels)
    names = np.arange(classes)
    calibration = torchmetrics.multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), classes, 15, "l1"
    ).item()
    expected = [
        metrics.accuracy_score(labels, answers),
        metrics.recall_score(
            labels, answers, labels=np.unique(labels), average="macro", zero_division=0
        ),
        metrics.log_loss(labels, probabilities, labels=names),
        np.mean(
            [metrics.brier_score_loss(labels == label, probabilities[:, label]) for label in names]
        )
        * classes,
        calibration,
    ]
    assert list(vars(own).values())[:-1] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(
        confusion(found, labels), metrics.confusion_matrix(labels, answers, labels=names)
    )


def test_a_class_without_test_rows_has_no_accuracy_and_does_not_count() -> None:
    found = np.log(np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]))
    labels = np.array([0, 0])
    assert class_accuracy(confusion(found, labels))[:1] == 0.5
    assert np.isnan(class_accuracy(confusion(found, labels))[1:]).all()
    assert scores(found, labels).balanced_accuracy == 0.5


def test_certainty_falls_into_the_last_bin_and_empty_bins_say_0() -> None:
    found = np.array([[0.0, -np.inf], [0.0, -np.inf], [np.log(0.5), np.log(0.5)]])
    bins = reliability(found, np.array([0, 1, 0]))
    assert bins.count[-1] == 2
    assert (bins.confidence[-1], bins.accuracy[-1]) == (1, 0.5)
    assert (bins.count[7], bins.accuracy[7], bins.confidence[0]) == (1, 1, 0)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    random = np.random.default_rng(7)
    logits = random.normal(0, 2, (20_000, 4))
    true = torch.from_numpy(logits).softmax(dim=1).numpy()
    labels = (true.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)
    claimed = torch.from_numpy(logits * temperature).log_softmax(dim=1).numpy()
    assert fit_temperature(claimed, labels) == pytest.approx(temperature, rel=0.05)
    corrected = scaled(claimed, temperature)
    np.testing.assert_allclose(np.exp(corrected), true, atol=1e-9)
    assert scores(corrected, labels).ece < 0.02


@pytest.mark.parametrize(("rows", "classes"), [(8, 12), (68, 12), (400, 3)])
def test_few_rows_that_are_all_read_right_leave_some_doubt(rows: int, classes: int) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, rows)
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), labels] = logits.max(axis=1) + 0.5
    claimed = scaled(logits, 1.0)
    temperature = fit_temperature(claimed, labels)
    # One more row than these, of another class, would be no surprise: the mean doubt is 1 in n + 2.
    sure = np.exp(scaled(claimed, temperature))[np.arange(rows), labels]
    assert 0.05 < temperature < 1
    assert 0.2 / (rows + 2) < 1 - sure.mean() < 5 / (rows + 2)
    # Classes that are ruled out do not hinder the fit.
    claimed[0, (labels[0] + 1) % classes] = -np.inf
    assert fit_temperature(claimed, labels) == pytest.approx(temperature, rel=0.2)


@pytest.mark.parametrize("rows", [1, 60, 250, 1000])
def test_the_rms_calibration_error_has_bins_of_100_rows(rows: int) -> None:
    random = np.random.default_rng(rows)
    log_probability = log_softmax(random.normal(0, 2, (rows, 5)), axis=1)
    labels = random.integers(0, 5, rows)
    confidence = np.exp(log_probability).max(axis=1)
    ranked = sorted(zip(confidence, log_probability.argmax(axis=1) == labels, strict=True))
    count = max(1, rows // 100)
    total = 0.0
    for place in range(count):
        own = ranked[place * 100 : rows if place == count - 1 else place * 100 + 100]
        gap = sum(right for _, right in own) / len(own) - sum(sure for sure, _ in own) / len(own)
        total += len(own) / rows * gap**2
    assert scores(log_probability, labels).rms_calibration == pytest.approx(total**0.5)
