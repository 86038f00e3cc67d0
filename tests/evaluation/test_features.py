"""Feature spaces: repeatable, named after what they are, blind to who else is measured."""

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from augfactory.engines.processes import pinned_threads
from augfactory.evaluation.classifiers.vgg import small_vgg
from augfactory.evaluation.images.features import (
    BATCH,
    FeatureSpace,
    classifier_features,
    random_features,
)
from tests.evaluation.memory import IMAGE_SHAPE, patterns

IMAGES = patterns("features", 2 * BATCH + 9)[0]


def classifier(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return small_vgg(IMAGE_SHAPE, 10)


def spaces() -> list[FeatureSpace]:
    return [random_features(IMAGE_SHAPE), classifier_features(classifier(0), "vgg")]


@pytest.mark.parametrize("space", spaces(), ids=lambda space: space.name)
def test_a_row_has_its_vector_whoever_it_comes_with(space: FeatureSpace) -> None:
    whole = space.extract(IMAGES)
    assert whole.dtype == np.float32
    assert len(whole) == len(IMAGES)
    assert np.array_equal(space.extract(IMAGES[:5]), whole[:5])
    assert np.array_equal(space.extract(IMAGES[BATCH : BATCH + 1]), whole[BATCH : BATCH + 1])
    assert space.extract(IMAGES[:0]).shape == (0, whole.shape[1])
    assert len(np.unique(whole, axis=0)) == len(IMAGES)


def described() -> tuple[str, bytes]:
    """Return what the features of some images are called and what they are."""
    with pinned_threads(1):
        space = random_features(IMAGE_SHAPE)
        return space.name, space.extract(IMAGES).tobytes()


def test_another_process_gets_the_same_space_and_bytes(
    another_process: ProcessPoolExecutor,
) -> None:
    assert another_process.submit(described).result() == described()


def test_the_random_network_is_what_its_description_says() -> None:
    images = IMAGES[:4]
    features = random_features(IMAGE_SHAPE).extract(images)
    assert features.shape == (4, 9 * (28 + 3))
    height, width, _ = IMAGE_SHAPE  # 9 x 6: cells of the 3 x 3 grid are 3 x 2 pixels
    assert (height, width) == (9, 6)
    cells = images.reshape(4, 3, 3, 3, 2, 3).mean(axis=(2, 4)) / 255
    assert np.allclose(features[:, -27:], cells.transpose(0, 3, 1, 2).reshape(4, -1), atol=1e-6)
    # Filters that sum to nothing see nothing in an image of one colour.
    flat = np.full((1, *IMAGE_SHAPE), 200, dtype=np.uint8)
    assert np.abs(random_features(IMAGE_SHAPE).extract(flat)[:, :-27]).max() < 1e-5


@settings(max_examples=10, deadline=None)
@given(height=st.integers(1, 33), width=st.integers(1, 33), channels=st.sampled_from([1, 3]))
def test_the_random_network_takes_any_shape(height: int, width: int, channels: int) -> None:
    image = np.full((2, height, width, channels), 77, dtype=np.uint8)
    features = random_features((height, width, channels)).extract(image)
    assert features.shape == (2, 9 * (28 + channels))


def test_a_classifier_gives_what_its_last_layer_is_given() -> None:
    network = classifier(0)
    features = classifier_features(network, "vgg").extract(IMAGES)
    last = [each for each in network.modules() if isinstance(each, nn.Linear)][-1]
    network.eval()
    with torch.inference_mode():
        images = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float() / 255
        assert torch.allclose(last(torch.from_numpy(features)), network(images), atol=1e-5)


def test_names_tell_networks_apart_and_training_on_does_not_move_the_space() -> None:
    network = classifier(0)
    space = classifier_features(network, "vgg")
    before = space.extract(IMAGES)
    assert space.name == f"vgg {space.sha256[:8]}"
    assert classifier_features(classifier(0), "vgg").sha256 == space.sha256
    with torch.no_grad():
        network[0].bias[0] += 1e-3  # type: ignore[index]
    assert classifier_features(network, "vgg").sha256 != space.sha256
    assert np.array_equal(space.extract(IMAGES), before)
    assert network.training
    names = {random_features(IMAGE_SHAPE, seed).name for seed in range(3)}
    assert len({*names, random_features((9, 6, 1)).name}) == 4
    wider = [nn.Sequential(nn.Flatten(), nn.Dropout(p), nn.Linear(4, 2)) for p in (0.1, 0.2)]
    for each in wider[1:]:
        each.load_state_dict(wider[0].state_dict())
    first, second = (classifier_features(each, "flat").sha256 for each in wider)
    assert first != second


def test_a_network_without_a_linear_layer_has_no_such_features() -> None:
    with pytest.raises(ValueError, match="no Linear layer"):
        classifier_features(nn.Conv2d(3, 2, 1), "conv")
