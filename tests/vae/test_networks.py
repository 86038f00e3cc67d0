"""Every network at every size, and what sets the two apart."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from augfactory.errors import RecipeError
from augfactory.vae.networks.names import NetworkShape
from augfactory.vae.networks.network import (
    HIGHEST_LOG_VARIANCE,
    LOWEST_LOG_VARIANCE,
    Network,
    bounded,
)
from augfactory.vae.networks.registry import NETWORKS, build_network

SHAPES = [(28, 28, 1), (17, 22, 3), (16, 128, 1), (33, 16, 3), (16, 17, 1), (47, 31, 3)]
CLASSES = 5


def build(architecture: str, image_shape: tuple[int, int, int], seed: int = 0) -> Network:
    return build_network(architecture, NetworkShape(image_shape, CLASSES, 6), seed)


def inputs(image_shape: tuple[int, int, int], count: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    height, width, channels = image_shape
    random = torch.Generator().manual_seed(1)
    return (
        torch.rand((count, channels, height, width), generator=random),
        torch.rand((count, CLASSES), generator=random).softmax(dim=1),
    )


@pytest.mark.parametrize("image_shape", SHAPES)
@pytest.mark.parametrize("architecture", list(NETWORKS))
def test_any_size_comes_back_as_it_went_in(
    architecture: str, image_shape: tuple[int, int, int]
) -> None:
    network = build(architecture, image_shape)
    images, labels = inputs(image_shape)
    mean, log_variance = network.encode(images, labels)
    logits = network.decode(mean, labels)
    assert mean.shape == log_variance.shape == (3, 6)
    assert logits.shape == images.shape
    torch.autograd.backward(logits.square().mean())
    reached = [name for name, weights in network.named_parameters() if weights.grad is not None]
    unreached = {name for name, _ in network.named_parameters()} - set(reached)
    assert unreached <= {"log_variance.weight", "log_variance.bias"}


@pytest.mark.parametrize("image_shape", SHAPES)
@pytest.mark.parametrize("architecture", list(NETWORKS))
def test_every_pixel_is_seen_and_painted(
    architecture: str, image_shape: tuple[int, int, int]
) -> None:
    network = build(architecture, image_shape).eval()
    images, labels = inputs(image_shape, count=1)
    images.requires_grad_()
    torch.autograd.backward(network.encode(images, labels)[0].square().sum())
    assert images.grad is not None
    assert (images.grad.abs() > 0).float().mean() > 0.99
    codes = torch.zeros((2, 6))
    codes[1] = 5
    logits = network.decode(codes, labels.expand(2, -1))
    assert (logits[0] != logits[1]).float().mean() > 0.99


def test_conditional_network_uses_labels_on_both_sides() -> None:
    network = build("conditional", (17, 22, 3))
    images, labels = inputs((17, 22, 3))
    other = labels.roll(1, dims=1)
    codes = network.encode(images, labels)[0]
    assert not torch.allclose(codes, network.encode(images, other)[0])
    assert not torch.allclose(network.decode(codes, labels), network.decode(codes, other))


def test_keras_mnist_network_sees_no_labels() -> None:
    network = build("keras-mnist", (17, 22, 3)).eval()
    images, labels = inputs((17, 22, 3))
    other = labels.roll(1, dims=1)
    codes = network.encode(images, labels)[0]
    assert torch.equal(codes, network.encode(images, other)[0])
    assert torch.equal(network.decode(codes, labels), network.decode(codes, other))


def test_keras_mnist_network_is_that_of_the_document() -> None:
    # Weights and biases of each Keras layer, then two (scale, shift) for each batch norm.
    flat = 14 * 14 * 64
    convolutions = (9 * 1 * 32 + 32) + (9 * 32 * 64 + 64) + 2 * (9 * 64 * 64 + 64)
    encoder = convolutions + 2 * (32 + 64 + 64 + 64) + (flat * 32 + 32) + 2 * 32
    heads = 2 * (32 * 20 + 20)
    decoder = (20 * flat + flat) + 2 * flat + (9 * 64 * 32 + 32) + 2 * 32 + (9 * 32 + 1) + 2
    network = build_network("keras-mnist", NetworkShape((28, 28, 1), 10, 20), 0)
    assert sum(weights.numel() for weights in network.parameters()) == encoder + heads + decoder


def test_conditional_network_is_cheap() -> None:
    network = build_network("conditional", NetworkShape((28, 28, 1), 10, 20), 0)
    labels = torch.eye(10)[:1]
    with FlopCounterMode(display=False) as counter:
        network.decode(network.encode(torch.zeros((1, 1, 28, 28)), labels)[0], labels)
    assert counter.get_total_flops() < 10e6


@pytest.mark.parametrize("architecture", list(NETWORKS))
def test_initial_weights_follow_from_the_seed_alone(architecture: str) -> None:
    before = torch.random.get_rng_state()
    first = build(architecture, (16, 19, 3), seed=7).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    again = build(architecture, (16, 19, 3), seed=7).state_dict()
    other = build(architecture, (16, 19, 3), seed=8).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_unknown_architecture_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'conditional'"):
        build("conditionel", (16, 16, 1))


def test_log_variance_is_bounded_and_never_stuck() -> None:
    values = torch.tensor([-1e4, -30.0, -3.0, 0.0, 20.0, 1e4], requires_grad=True)
    result = bounded(values)
    assert result.min() >= LOWEST_LOG_VARIANCE - 1e-4
    assert result.max() <= HIGHEST_LOG_VARIANCE + 1e-4
    assert math.isclose(result[2].item(), -3.0, abs_tol=0.01)
    torch.autograd.backward(result[1])
    assert values.grad is not None
    assert values.grad[1] > 0
