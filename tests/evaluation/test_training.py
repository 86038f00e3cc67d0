"""Training: exact steps, paired seeds, repeatable, soft labels."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.optimizer import register_optimizer_step_post_hook

from augfactory.errors import AugfactoryError
from augfactory.evaluation import training
from augfactory.evaluation.measures import accuracy, log_probabilities
from augfactory.evaluation.training import TrainingSettings, batches_of_rows, train_classifier
from tests.evaluation.memory import CLASSES, memory_source, pattern_source, patterns

SHORT = TrainingSettings(steps=25, batch=20)


@contextmanager
def counted_steps() -> Iterator[list[int]]:
    counted = [0]

    def count(*_: object) -> None:
        counted[0] += 1

    handle = register_optimizer_step_post_hook(count)
    yield counted
    handle.remove()


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return network.state_dict()


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(value, weights(other)[name]) for name, value in weights(one).items())


@pytest.mark.parametrize("rows", [7, 40, 333])
def test_every_source_gets_exactly_the_steps_asked_for(rows: int) -> None:
    with counted_steps() as counted:
        train_classifier(pattern_source("a", rows), "vgg", TrainingSettings(steps=5, batch=16), 0)
    assert counted == [5]


def test_a_single_step_is_possible() -> None:
    with counted_steps() as counted:
        train_classifier(pattern_source("a", 20), "vgg", TrainingSettings(steps=1, batch=4), 0)
    assert counted == [1]


@given(rows=st.integers(1, 50), batch=st.integers(1, 40), steps=st.integers(1, 30))
def test_batches_are_full_and_run_through_shuffled_epochs(
    rows: int, batch: int, steps: int
) -> None:
    settings = TrainingSettings(steps=steps, batch=batch)
    drawn = list(batches_of_rows(rows, settings, seed=3))
    assert [len(each) for each in drawn] == [batch] * steps
    stream = np.concatenate(drawn)
    for start in range(0, len(stream) - rows + 1, rows):
        assert sorted(stream[start : start + rows]) == list(range(rows))


def test_epochs_and_seeds_are_shuffled_apart() -> None:
    settings = TrainingSettings(steps=2, batch=40)
    first, second = batches_of_rows(40, settings, seed=0)
    other, _ = batches_of_rows(40, settings, seed=1)
    assert list(first) != list(second)
    assert list(first) != list(other)
    assert list(first) != sorted(first)


def test_a_seed_starts_every_source_from_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_optimise", lambda *_: None)
    small, large = pattern_source("a", 20), pattern_source("b", 300)
    started = train_classifier(small, "vgg", SHORT, seed=4)
    assert same(started, train_classifier(large, "vgg", SHORT, seed=4))
    assert not same(started, train_classifier(small, "vgg", SHORT, seed=5))


def test_training_is_repeatable_and_leaves_torchs_generator_alone() -> None:
    source = pattern_source("a", 60)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one = train_classifier(source, "vgg", SHORT, seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert not one.training
    torch.manual_seed(2)
    assert same(one, train_classifier(source, "vgg", SHORT, seed=0))
    assert not same(one, train_classifier(source, "vgg", SHORT, seed=1))


def test_a_source_too_large_to_hold_trains_the_same_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = pattern_source("a", 60)
    held = train_classifier(source, "vgg", SHORT, seed=0)
    monkeypatch.setattr(training, "HELD_BYTES", 0)
    assert same(held, train_classifier(source, "vgg", SHORT, seed=0))


def test_true_labels_are_learnt_and_shuffled_labels_are_not() -> None:
    images, labels = patterns("train", 300)
    test = pattern_source("test", 200)
    shuffled = np.random.default_rng(0).permutation(labels)
    found = {}
    for name, chosen in (("true", labels), ("shuffled", shuffled)):
        network = train_classifier(memory_source(images, chosen), "vgg", SHORT, seed=0)
        found[name] = accuracy(log_probabilities(network, test), test.labels)
    assert found["true"] > 0.9
    assert found["shuffled"] < 0.3  # ten patterns, each right one time in ten


def test_soft_labels_are_what_is_learnt() -> None:
    images, labels = patterns("train", 300)
    test = pattern_source("test", 200)
    uniform = np.full((len(labels), CLASSES), 1 / CLASSES, dtype=np.float32)
    source = memory_source(images, labels, uniform)
    network = train_classifier(source, "vgg", SHORT, seed=0)
    assert np.exp(log_probabilities(network, test)).max() < 0.5

    mixed = 0.7 * np.eye(CLASSES)[labels] + 0.3 * np.eye(CLASSES)[(labels + 1) % CLASSES]
    source = memory_source(images, labels, mixed.astype(np.float32))
    network = train_classifier(source, "vgg", TrainingSettings(steps=60, batch=20), seed=0)
    shares = np.exp(log_probabilities(network, test))
    assert shares[np.arange(200), test.labels].mean() == pytest.approx(0.7, abs=0.12)
    second = shares[np.arange(200), (test.labels + 1) % CLASSES]
    assert second.mean() == pytest.approx(0.3, abs=0.12)


def test_a_loss_that_is_no_number_is_told() -> None:
    images, labels = patterns("train", 20)
    broken = np.full((20, CLASSES), np.nan, dtype=np.float32)
    with pytest.raises(AugfactoryError, match="stopped being a number at step 1 of 25"):
        train_classifier(memory_source(images, labels, broken), "vgg", SHORT, seed=0)
