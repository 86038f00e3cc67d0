"""The classifiers: their sizes, shapes and first weights."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from augfactory.errors import RecipeError
from augfactory.evaluation.classifiers.densenet import densenet_bc
from augfactory.evaluation.classifiers.registry import (
    CLASSIFIERS,
    check_image_shape,
    find_classifier,
)
from augfactory.evaluation.classifiers.resnext29 import resnext29
from augfactory.evaluation.classifiers.vgg import small_vgg
from augfactory.evaluation.comparison.measures import negative_log_likelihood
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.train import train_classifier
from augfactory.evaluation.training.training_set import plain_set
from tests.evaluation.memory import CLASSES, pattern_source


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


# What the sources state, or their own programs print, for 32×32×3 and ten classes.
KNOWN_PARAMETERS = {"resnet20": 570_602, "wrn40-2": 2_243_546, "allconv": 1_409_674}


@pytest.mark.parametrize(("name", "parameters"), KNOWN_PARAMETERS.items())
def test_the_classifiers_have_the_parameters_of_their_sources(name: str, parameters: int) -> None:
    network = CLASSIFIERS[name].build((32, 32, 3), 10)
    assert sum(each.numel() for each in network.parameters()) == parameters


def test_the_wide_classifier_is_the_default_one_with_more_channels() -> None:
    def channels(name: str, colours: int) -> list[int]:
        network = CLASSIFIERS[name].build((9, 14, colours), 10)
        return [each.out_channels for each in network.modules() if isinstance(each, nn.Conv2d)]

    assert channels("wide", 3) == channels("wide", 1) == [64, 64, 128, 128, 256, 256]
    assert channels("quick", 3) == [32, 32, 96, 96, 128, 128]
    assert replace(CLASSIFIERS["wide"], build=CLASSIFIERS["quick"].build) == CLASSIFIERS["quick"]


def test_resnext_and_densenet_have_the_sizes_that_their_papers_print() -> None:
    def millions(network: nn.Module) -> float:
        return round(sum(each.numel() for each in network.parameters()) / 1e6, 1)

    # Tables 7 of Xie et al. (8×64d) and 2 of Huang et al. Their 40 layers, 1.0 million, begin with
    # 16 channels, the AugMix code's with 24.
    assert millions(resnext29((32, 32, 3), 10, 8, 64)) == 34.4
    assert millions(densenet_bc((32, 32, 3), 10)) == 0.8


def test_resnext_has_the_weights_that_its_layers_come_to() -> None:
    weights = 3 * 9 * 64 + 2 * 64
    inward = 64
    for planes in (64, 128, 256):
        inner, outer = 2 * planes, 4 * planes  # four groups of half the planes
        for block in range(3):
            weights += inward * inner + inner * (inner // 4) * 9 + inner * outer
            weights += 4 * inner + 2 * outer
            weights += 0 if block else inward * outer + 2 * outer
            inward = outer
    network = CLASSIFIERS["resnext29"].build((32, 32, 3), 10)
    assert sum(each.numel() for each in network.parameters()) == weights + (1024 + 1) * 10


@pytest.mark.parametrize("name", ["densenet-bc", "densenet40"])
def test_densenet_has_the_weights_that_its_layers_come_to(name: str) -> None:
    each_block, kept, narrow = (16, 0.5, True) if name == "densenet-bc" else (12, 1.0, False)
    width, weights = 24, 3 * 9 * 24
    for block in range(3):
        if block:
            narrower = int(width * kept)
            weights += 2 * width + width * narrower
            width = narrower
        for _ in range(each_block):
            weights += 2 * width + (width * 48 + 2 * 48 + 48 * 9 * 12 if narrow else width * 108)
            width += 12
    weights += 2 * width + (width + 1) * 10
    network = CLASSIFIERS[name].build((32, 32, 3), 10)
    assert sum(each.numel() for each in network.parameters()) == weights


@pytest.mark.parametrize("name", ["resnext29", "densenet-bc", "densenet40"])
def test_the_networks_of_the_document_learn(name: str) -> None:
    known = CLASSIFIERS[name]
    settings = TrainingSettings(
        steps=8, batch=10, optimiser=known.optimiser, learning_rate=known.learning_rate,
        weight_decay=known.weight_decay, label_smoothing=0.0, horizon=8,
    )  # fmt: skip
    curve: list[float] = []
    source = pattern_source("train", 20)

    def measure(step: int, network: nn.Module) -> None:
        del step
        rows = np.arange(len(source))
        found = log_probabilities(network, source.read_images, rows, CLASSES)
        curve.append(negative_log_likelihood(found, source.labels))

    train_classifier(plain_set(source), known.build, settings, 0, measure=measure)
    assert curve[-1] < np.log(CLASSES)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("shape", [(28, 20, 1), (17, 32, 3), (9, 12, 3)], ids=str)
def test_any_image_goes_through_and_every_parameter_learns(
    name: str, shape: tuple[int, int, int]
) -> None:
    height, width, channels = shape
    torch.manual_seed(0)
    network = CLASSIFIERS[name].build(shape, 4)
    logits = network(torch.rand(6, channels, height, width))
    assert logits.shape == (6, 4)
    nn.functional.cross_entropy(logits, torch.arange(6) % 4).backward()  # type: ignore[no-untyped-call]
    assert all(each.grad is not None for each in network.parameters())
    moved = [each.grad.abs().sum() > 0 for each in network.parameters() if each.grad is not None]
    # A bias before batch norm has no effect, and so no gradient but rounding.
    assert sum(moved) > len(moved) / 2


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_seed_decides_the_first_weights(name: str) -> None:
    made = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        made.append(CLASSIFIERS[name].build((12, 14, 3), 5).state_dict())
    assert all(torch.equal(made[0][key], made[1][key]) for key in made[0])
    assert not all(torch.equal(made[0][key], made[2][key]) for key in made[0])


def test_a_classifier_is_found_by_name_and_a_wrong_name_is_mended() -> None:
    assert find_classifier("vgg") is CLASSIFIERS["vgg"]
    with pytest.raises(RecipeError, match="Did you mean 'resnet20'") as caught:
        find_classifier("resnet21")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "told", "untold"),
    [
        ("vggg", ("Did you mean 'vgg'?", "resnet20"), ("vgg11", "alexnet")),
        ("resnet19", ("Did you mean 'resnet1", "Ours are quick, "), ("alexnet",)),
        (
            "zzzz",
            (
                "vgg, resnet20, wrn40-2, allconv, resnext29, densenet-bc, densenet40;",
                "torchvision's names",
                "serve too",
            ),
            ("Did you mean", "alexnet"),
        ),
    ],
)
def test_a_wrong_name_is_not_answered_with_all_names(
    name: str, told: tuple[str, ...], untold: tuple[str, ...]
) -> None:
    with pytest.raises(
        RecipeError, match=f"^--classifier: there is no classifier {name!r}"
    ) as caught:
        find_classifier(name)
    assert all(words in caught.value.remedy for words in told)
    assert not any(words in caught.value.remedy for words in untold)
    assert len(caught.value.remedy) < 250


def test_images_too_small_for_a_classifier_are_refused() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    check_image_shape("vgg", None, (3, 2, 1), 2)
    with pytest.raises(RecipeError, match="alexnet cannot take images of 20×28"):
        check_image_shape("alexnet", None, (20, 28, 3), 4)
    assert torch.equal(torch.rand(2), expected)


def test_only_what_ends_in_a_linear_layer_can_be_frozen() -> None:
    check_image_shape("quick", None, (20, 24, 3), 4, freeze=True)
    with pytest.raises(RecipeError, match="Linear layer"):
        check_image_shape("squeezenet1_1", None, (64, 64, 3), 4, freeze=True)
