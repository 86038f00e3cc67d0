"""The classifiers: their sizes, shapes and first weights."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from augfactory.errors import RecipeError
from augfactory.evaluation.classifiers.registry import CLASSIFIERS, classifier_builder
from augfactory.evaluation.classifiers.vgg import small_vgg


def test_the_vgg_of_the_experiment_has_its_parameters() -> None:
    convolutions = (9 * 1 + 1) * 16 + (9 * 16 + 1) * 16 + (9 * 16 + 1) * 64 + (9 * 64 + 1) * 64
    norms = 2 * (16 + 16 + 64 + 64)
    dense = (7 * 7 * 64 + 1) * 512 + (512 + 1) * 10
    network = small_vgg((28, 28, 1), 10)
    assert sum(each.numel() for each in network.parameters()) == convolutions + norms + dense
    assert [each.p for each in network.modules() if isinstance(each, nn.Dropout)] == [0.3, 0.5]


@settings(max_examples=10, deadline=None)
@given(
    height=st.integers(1, 33),
    width=st.integers(1, 33),
    channels=st.sampled_from([1, 3]),
    classes=st.integers(2, 7),
)
def test_the_vgg_takes_any_shape(height: int, width: int, channels: int, classes: int) -> None:
    network = small_vgg((height, width, channels), classes).eval()
    assert network(torch.zeros(2, channels, height, width)).shape == (2, classes)


def test_weights_are_he_normal_and_the_last_glorot_normal() -> None:
    network = small_vgg((20, 28, 3), 200)
    layers = [each for each in network.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    for layer in layers[:-1]:
        fan_in = layer.weight[0].numel()
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.1)
    glorot = math.sqrt(2 / (512 + 200))
    assert layers[-1].weight.std().item() == pytest.approx(glorot, rel=0.05)
    assert all(layer.bias is not None and not layer.bias.any() for layer in layers)


def test_a_classifier_is_found_by_name_and_a_wrong_name_is_mended() -> None:
    assert classifier_builder("vgg") is CLASSIFIERS["vgg"]
    with pytest.raises(RecipeError, match="Did you mean 'vgg'") as caught:
        classifier_builder("vgg16")
    assert caught.value.exit_code == 2
