"""Training: exact steps, paired seeds, repeatable, soft labels."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.optimizer import register_optimizer_step_post_hook

from augfactory import records
from augfactory.errors import RecipeError
from augfactory.evaluation.classifiers.registry import CLASSIFIERS
from augfactory.evaluation.classifiers.vgg import small_vgg
from augfactory.evaluation.comparison.measures import accuracy
from augfactory.evaluation.training import train as training
from augfactory.evaluation.training.batch_policy import BatchPolicy
from augfactory.evaluation.training.batches import shuffled
from augfactory.evaluation.training.online import online_stage
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.evaluation.training.settings import TrainingSettings
from augfactory.evaluation.training.train import Trained, TrainingProgress, train_classifier
from augfactory.evaluation.training.training_set import plain_set
from augfactory.methods.geometry import GeometryParameters
from augfactory.records import Int64Array, Source, UInt8Array
from tests.evaluation.memory import CLASSES, memory_source, pattern_source, patterns

SHORT = TrainingSettings(steps=25, batch=20, optimiser="adamw", learning_rate=2e-2)


@contextmanager
def counted_steps() -> Iterator[list[int]]:
    counted = [0]

    def count(*_: object) -> None:
        counted[0] += 1

    handle = register_optimizer_step_post_hook(count)
    yield counted
    handle.remove()


def trained(
    source: Source,
    settings: TrainingSettings,
    seed: int,
    batch_policy: BatchPolicy = BatchPolicy(),  # noqa: B008
) -> torch.nn.Module:
    return train_classifier(plain_set(source), small_vgg, settings, seed, batch_policy).network


def predictions(network: torch.nn.Module, source: Source) -> np.ndarray:
    return log_probabilities(network, source.read_images, np.arange(len(source)), CLASSES)


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return network.state_dict()


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(value, weights(other)[name]) for name, value in weights(one).items())


@pytest.mark.parametrize("rows", [7, 40, 333])
def test_every_source_gets_exactly_the_steps_asked_for(rows: int) -> None:
    with counted_steps() as counted:
        trained(pattern_source("a", rows), replace(SHORT, steps=5, batch=16), 0)
    assert counted == [5]


def test_a_single_step_is_possible() -> None:
    with counted_steps() as counted:
        trained(pattern_source("a", 20), replace(SHORT, steps=1, batch=4), 0)
    assert counted == [1]


@given(rows=st.integers(1, 50), batch=st.integers(1, 40), steps=st.integers(1, 30))
def test_batches_are_full_and_run_through_shuffled_epochs(
    rows: int, batch: int, steps: int
) -> None:
    drawn = list(itertools.islice(shuffled(np.arange(rows), batch, seed=3), steps))
    assert [len(each) for each in drawn] == [batch] * steps
    stream = np.concatenate(drawn)
    for start in range(0, len(stream) - rows + 1, rows):
        assert sorted(stream[start : start + rows]) == list(range(rows))


def test_epochs_and_seeds_are_shuffled_apart() -> None:
    rows = np.arange(40)
    first, second = itertools.islice(shuffled(rows, 40, seed=0), 2)
    other = next(shuffled(rows, 40, seed=1))
    assert list(first) != list(second)
    assert list(first) != list(other)
    assert list(first) != sorted(first)


def test_a_seed_starts_every_source_from_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def untrained(own: Any, *_: Any) -> Trained:
        return Trained(own.network, TrainingProgress(0, {}))

    monkeypatch.setattr(training, "_run", untrained)
    small, large = pattern_source("a", 20), pattern_source("b", 300)
    started = trained(small, SHORT, seed=4)
    assert same(started, trained(large, SHORT, seed=4))
    assert not same(started, trained(small, SHORT, seed=5))


def test_training_is_repeatable_and_leaves_torchs_generator_alone() -> None:
    source = pattern_source("a", 60)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    one = trained(source, SHORT, seed=0)
    assert torch.equal(torch.rand(3), expected)
    assert not one.training
    torch.manual_seed(2)
    assert same(one, trained(source, SHORT, seed=0))
    assert not same(one, trained(source, SHORT, seed=1))


def test_a_source_too_large_to_hold_trains_the_same_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = pattern_source("a", 60)
    held = trained(source, SHORT, seed=0)
    monkeypatch.setattr(records, "MOST_HELD", 0)
    assert same(held, trained(source, SHORT, seed=0))


def test_true_labels_are_learnt_and_shuffled_labels_are_not() -> None:
    images, labels = patterns("train", 300)
    test = pattern_source("test", 200)
    shuffled = np.random.default_rng(0).permutation(labels)
    found = {}
    for name, chosen in (("true", labels), ("shuffled", shuffled)):
        network = trained(memory_source(images, chosen), SHORT, seed=0)
        found[name] = accuracy(predictions(network, test), test.labels)
    assert found["true"] > 0.9
    assert found["shuffled"] < 0.3  # ten patterns, each right one time in ten


def test_soft_labels_are_what_is_learnt() -> None:
    images, labels = patterns("train", 300)
    test = pattern_source("test", 200)
    uniform = np.full((len(labels), CLASSES), 1 / CLASSES, dtype=np.float32)
    source = memory_source(images, labels, uniform)
    network = trained(source, SHORT, seed=0)
    assert np.exp(predictions(network, test)).max() < 0.5

    mixed = 0.7 * np.eye(CLASSES)[labels] + 0.3 * np.eye(CLASSES)[(labels + 1) % CLASSES]
    source = memory_source(images, labels, mixed.astype(np.float32))
    network = trained(source, replace(SHORT, steps=60), seed=0)
    shares = np.exp(predictions(network, test))
    assert shares[np.arange(200), test.labels].mean() == pytest.approx(0.7, abs=0.12)
    second = shares[np.arange(200), (test.labels + 1) % CLASSES]
    assert second.mean() == pytest.approx(0.3, abs=0.12)


def test_a_loss_that_is_no_number_ends_the_training_where_it_was_one() -> None:
    images, labels = patterns("train", 20)
    broken = np.full((20, CLASSES), np.nan, dtype=np.float32)
    found = train_classifier(plain_set(memory_source(images, labels, broken)), small_vgg, SHORT, 0)
    assert found.progress.broke
    assert found.progress.step == 0
    assert all(bool(value.isfinite().all()) for value in weights(found.network).values())


@pytest.mark.parametrize("name", ["quick", "vgg"])
def test_a_training_in_two_parts_equals_one_in_one_go(name: str) -> None:
    known = CLASSIFIERS[name]
    settings = TrainingSettings(
        60, 20, known.optimiser, known.learning_rate, known.weight_decay, known.label_smoothing
    )
    source, stage = pattern_source("a", 90), online_stage("geometry", GeometryParameters())
    batch_policy, readings = BatchPolicy(online=(stage,)), dict[int, np.ndarray]()

    def measure(step: int, network: torch.nn.Module) -> None:
        readings[step] = predictions(network, source)

    def train(steps: int, saved: TrainingProgress | None = None) -> Trained:
        chosen = replace(settings, steps=steps)
        return train_classifier(
            plain_set(source), known.build, chosen, 3, batch_policy, measure=measure, saved=saved
        )

    whole = train(60)
    seen = readings.pop(50)
    part = train(30)
    went_on = train(60, part.progress)
    assert same(whole.network, went_on.network)
    assert np.array_equal(readings[50], seen)
    assert (part.progress.step, went_on.progress.step) == (30, 60)
    assert went_on.progress.seconds > part.progress.seconds


def test_a_short_training_is_read_at_the_same_worth_as_a_long_one_on_its_way() -> None:
    source, found = pattern_source("a", 60), dict[int, list[np.ndarray]]()

    def measure(step: int, network: torch.nn.Module) -> None:
        found.setdefault(step, []).append(predictions(network, source))

    for steps in (50, 80):
        settings = replace(SHORT, steps=steps, horizon=0)
        train_classifier(plain_set(source), small_vgg, settings, 0, measure=measure)
    first, second = found[50]
    assert np.array_equal(first, second)
    assert sorted(found) == [50, 63, 79, 80]


def test_the_time_spent_on_images_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    source = pattern_source("a", 60)
    found = train_classifier(plain_set(source), small_vgg, SHORT, 0)
    assert 0 < found.waiting < 0.5
    monkeypatch.setattr(records, "MOST_HELD", 0)

    def read_slowly(rows: Int64Array) -> UInt8Array:
        time.sleep(0.05)
        return source.read_images(rows)

    slow = replace(source, read_images=read_slowly)
    found = train_classifier(plain_set(slow), small_vgg, SHORT, 0)
    assert found.progress.waited > 25 * 0.05


def test_online_geometry_trains_on_varied_images_and_is_repeatable() -> None:
    source = pattern_source("a", 60)
    stage = online_stage("geometry", GeometryParameters(preset="photo"))
    varied = trained(source, SHORT, 0, BatchPolicy(online=(stage,)))
    assert same(varied, trained(source, SHORT, 0, BatchPolicy(online=(stage,))))
    assert not same(varied, trained(source, SHORT, 0))


def test_frozen_only_the_last_layer_learns() -> None:
    """Batch norms before it rest too, in the network that is trained and in its average."""
    known = CLASSIFIERS["quick"]
    settings = replace(SHORT, steps=30, freeze=True)
    source = pattern_source("a", 60)
    built: list[dict[str, torch.Tensor]] = []

    def build(image_shape: tuple[int, int, int], classes: int) -> torch.nn.Module:
        network = known.build(image_shape, classes)
        built.append({name: value.clone() for name, value in network.state_dict().items()})
        return network

    found = train_classifier(plain_set(source), build, settings, 0).network
    (first,) = built
    moved = {
        name for name, value in found.state_dict().items() if not torch.equal(value, first[name])
    }
    last = [name for name, module in found.named_modules() if isinstance(module, torch.nn.Linear)]
    assert moved == {f"{last[-1]}.weight", f"{last[-1]}.bias"}
    bare = torch.nn.Sequential(torch.nn.Conv2d(3, CLASSES, (9, 6)), torch.nn.Flatten())
    with pytest.raises(RecipeError, match="does not end in a Linear layer"):
        train_classifier(plain_set(source), lambda *_: bare, settings, 0)
