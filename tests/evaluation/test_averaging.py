"""The average of the weights: against its definition, and readable at any step."""

import numpy as np
import pytest
import torch

from augfactory.evaluation.training.averaging import EXPONENT, NORM_BATCHES, WeightAverage

IMAGES = np.zeros((2, 4, 6, 3), dtype=np.uint8)


def test_each_step_counts_by_its_number_to_the_power() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    average, values = WeightAverage(layer, "cpu"), [3.0, -1.0, 4.0, 1.0, -5.0, 9.0]
    for value in values:
        with torch.no_grad():
            layer.weight.fill_(value)
        average.update(layer, IMAGES)
    # The recursion's own weights: step t moves the average by 1 - (1 - 1/t)^(exponent + 1).
    wanted = 0.0
    for step, value in enumerate(values, 1):
        wanted += (1 - (1 - 1 / step) ** (EXPONENT + 1)) * (value - wanted)
    assert average.network().weight.item() == pytest.approx(wanted, rel=1e-5)  # type: ignore[operator]


def test_the_averages_steps_spread_over_a_tenth_of_their_number() -> None:
    steps = np.arange(1, 2001)
    share = 1 - (1 - 1 / steps) ** (EXPONENT + 1)
    weights = share * np.append(np.cumprod((1 - share)[:0:-1])[::-1], 1.0)
    mean = (weights * steps).sum()
    deviation = ((weights * (steps - mean) ** 2).sum()) ** 0.5
    assert abs(weights.sum() - 1) < 1e-9
    assert 0.095 < deviation / len(steps) < 0.105


def test_batch_norms_are_measured_on_the_last_images() -> None:
    network = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
    average = WeightAverage(network, "cpu")
    for value in range(NORM_BATCHES + 3):
        average.update(network, np.full((2, 4, 6, 3), 10 * value, dtype=np.uint8))
    norm = average.network()[0]  # type: ignore[index]
    last = np.arange(3, NORM_BATCHES + 3) * 10 / 255
    assert torch.allclose(norm.running_mean, torch.full((3,), float(last.mean())))
    assert not norm.training
