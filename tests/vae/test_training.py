"""Training: interrupted anywhere, watched, guarded, stopped."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from augfactory.guarded.tensors import checksum
from augfactory.records import UInt8Array, one_hot
from augfactory.vae.divergence import TrainingDivergedError
from augfactory.vae.history import HistoryRow, history_csv
from augfactory.vae.networks.registry import NETWORKS
from augfactory.vae.training import STATE, Callbacks, Training, train
from augfactory.vae.training_state import UnreadableStateError, read_state, tensor_bytes
from tests.vae.small import bar_source, bars, new_training


class Killed(BaseException):
    """What an interruption looks like from inside."""


def kept(training: Training) -> dict[str, bytes]:
    """Listen to a training; return the dict that its saves go to."""
    files: dict[str, bytes] = {}
    training.callbacks = Callbacks(save=files.__setitem__)
    return files


def kill_at(training: Training, step: int) -> None:
    """Make a training break off after ``step`` steps."""

    def on_step(done: int, *_figures: float) -> None:
        if done == step:
            raise Killed

    training.callbacks = replace(training.callbacks, on_step=on_step)


def assert_same_weights(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert list(first) == list(second)
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def without_seconds(rows: list[HistoryRow]) -> list[dict[str, Any]]:
    return [row.model_dump(exclude={"seconds"}) for row in rows]


@pytest.mark.parametrize(
    ("architecture", "losses"), [("conditional", (700.0, 550.0)), ("keras-mnist", (880.0, 810.0))]
)
def test_killed_and_resumed_training_is_bit_equal(
    architecture: str, losses: tuple[float, ...]
) -> None:
    def begin() -> Training:
        training = new_training(architecture, save_at_loss=losses)
        training.validation = bar_source(7)
        return training

    whole = begin()
    saved_whole = kept(whole)
    train(whole)
    saved: dict[str, bytes] = {}
    for step in (2, 11, 13):
        part = begin()
        part.callbacks = Callbacks(save=saved.__setitem__)
        kill_at(part, step)
        with pytest.raises(Killed):
            train(part, saved.get(STATE))
        assert (read_state(saved[STATE])[0].step if STATE in saved else 0) == step // 4 * 4
    last = begin()
    last.callbacks = Callbacks(save=saved.__setitem__)
    train(last, saved[STATE])
    assert_same_weights(whole.network.state_dict(), last.network.state_dict())
    assert without_seconds(whole.standing.history) == without_seconds(last.standing.history)
    assert whole.standing.reached == last.standing.reached
    assert set(saved) == set(saved_whole) == {STATE, *(f"loss-{loss:g}" for loss in losses)}
    assert all(saved[name] == saved_whole[name] for name in saved if name != STATE)


def test_training_lowers_the_loss_and_writes_its_history() -> None:
    training = new_training(steps=60, interval=20, warmup=20, kl_weight=0.5)
    seen: list[int] = []
    rows: list[HistoryRow] = []
    training.callbacks = Callbacks(
        on_step=lambda step, *_: seen.append(step), on_interval=rows.append
    )
    train(training)
    assert seen == list(range(1, 61))
    assert rows == training.standing.history
    assert [row.step for row in rows] == [20, 40, 60]
    assert rows[-1].reconstruction < 0.8 * rows[0].reconstruction
    assert [row.kl_weight for row in rows] == pytest.approx([0.5 * 19 / 20, 0.5, 0.5])
    assert all(row.loss == row.reconstruction + row.kl for row in rows)
    assert not training.network.training
    header, first, *_ = history_csv(rows).decode().splitlines()
    assert header == ("step,loss,reconstruction,kl,kl_weight,learning_rate,validation_loss,seconds")
    assert first.split(",")[0] == "20"
    assert first.split(",")[6] == ""


def test_a_last_interval_may_be_short() -> None:
    training = new_training(steps=10)
    train(training)
    assert [row.step for row in training.standing.history] == [4, 8, 10]


def test_settings_change_what_they_should() -> None:
    def weights(**changed: Any) -> dict[str, Tensor]:
        training = new_training(**{"steps": 6, **changed})
        train(training)
        return training.network.state_dict()

    reference = weights()
    assert_same_weights(reference, weights(patience=1, warmup=8))
    for changed in ({"seed": 4}, {"kl_weight": 0.1}, {"learning_rate": 1e-3}, {"batch": 9}):
        other = weights(**changed)
        assert any(not torch.equal(reference[name], other[name]) for name in reference), changed


def test_images_can_be_varied_step_by_step() -> None:
    plain, varied = new_training(steps=5), new_training(steps=5)
    steps: list[int] = []

    def darker(images: UInt8Array, step: int) -> UInt8Array:
        steps.append(step)
        return images // 2

    varied.vary = darker
    train(plain)
    train(varied)
    assert steps == [0, 1, 2, 3, 4]
    assert varied.standing.history[0].reconstruction != plain.standing.history[0].reconstruction


def test_checkpoints_at_losses_are_kept_once_and_those_not_reached_are_known() -> None:
    training = new_training(steps=60, interval=10, save_at_loss=(700.0, 600.0, 1.0))
    files = kept(training)
    train(training)
    losses = {row.step: row.loss for row in training.standing.history}
    for loss in (700.0, 600.0):
        first = next(step for step, value in losses.items() if value <= loss)
        assert training.standing.reached[loss] == first
    assert set(training.standing.reached) == {700.0, 600.0}
    assert set(files) == {STATE, "loss-700", "loss-600"}
    assert files["loss-700"] != files["loss-600"]


@pytest.mark.parametrize("warmup", [4, 16])
def test_patience_counts_only_after_the_warm_up(warmup: int) -> None:
    training = new_training(steps=60, warmup=warmup, patience=2, learning_rate=1e-9)
    train(training)
    watched = {row.step: row.watched for row in training.standing.history if row.step > warmup}
    best = training.standing.best_step
    assert best is not None
    assert best == min(watched, key=lambda step: watched[step])
    assert best > warmup
    assert training.stopped_early
    assert training.standing.step == best + 2 * training.settings.interval < 60


def test_without_patience_it_runs_to_the_end() -> None:
    training = new_training(steps=40, warmup=0, patience=0, learning_rate=1e-9)
    train(training)
    assert training.standing.step == 40
    assert not training.stopped_early


def test_with_validation_the_best_weights_are_kept() -> None:
    states: dict[int, dict[str, Tensor]] = {}
    training = new_training(steps=48, warmup=8, patience=0, learning_rate=0.02)
    # Learned images grow dark as the training goes on, watched ones stay bright.
    training.vary = lambda images, step: (images * max(0.0, 1 - step / 30)).astype(np.uint8)
    training.validation = bar_source(9)

    def remember(row: HistoryRow) -> None:
        state = training.network.state_dict()
        states[row.step] = {name: tensor.clone() for name, tensor in state.items()}

    training.callbacks = Callbacks(on_interval=remember)
    train(training)
    losses = {
        row.step: row.validation_loss
        for row in training.standing.history
        if row.validation_loss is not None and row.step > 8
    }
    best = min(losses, key=lambda step: losses[step])
    assert training.standing.best_step == best < 48
    assert_same_weights(training.network.state_dict(), states[best])


@pytest.mark.parametrize("architecture", list(NETWORKS))
def test_an_absurd_learning_rate_ends_in_words(architecture: str) -> None:
    training = new_training(architecture, learning_rate=1e6, steps=200)
    files = kept(training)
    with pytest.raises(TrainingDivergedError, match="training step") as caught:
        train(training)
    assert "learning rate is 1e+06" in str(caught.value)
    assert "Lower --learning-rate, for example to 2.5e+05" in str(caught.value)
    assert files == {}


def test_weights_that_are_no_numbers_are_never_saved() -> None:
    training = new_training(learning_rate=1e39, interval=1)  # float32 ends at 3e38
    files = kept(training)
    with pytest.raises(TrainingDivergedError, match=r"training step 1 of 24: the weights \S+ are"):
        train(training)
    assert files == {}


def test_a_poisoned_row_stops_before_the_weights_are_touched() -> None:
    labels = one_hot(bars(24)[1], 3)
    good = new_training(steps=12)
    files = kept(good)
    train(good)
    labels[5, 1] = np.nan
    bad = new_training(source=bar_source(24, soft_labels=labels), steps=24, batch=24)
    bad.callbacks = good.callbacks
    before = dict(files)
    with pytest.raises(TrainingDivergedError, match="reconstruction is not a finite number"):
        train(bad, files[STATE])
    assert files == before
    assert all(tensor.isfinite().all() for tensor in bad.network.state_dict().values())


def test_gradients_are_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    original = torch.optim.Adam.step

    def step(self: torch.optim.Adam, *arguments: Any) -> Any:
        gradients = [p.grad.norm() for group in self.param_groups for p in group["params"]]
        norms.append(torch.stack(gradients).norm().item())
        return original(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    monkeypatch.setattr("augfactory.vae.training.CLIP_NATS_PER_VALUE", 0.01)
    train(new_training(steps=3))
    assert norms == pytest.approx([0.01 * 17 * 22 * 3] * 3, rel=1e-3)


@pytest.fixture(scope="module")
def state() -> bytes:
    """Return the state of a training after 12 of its 24 steps."""
    training = begun()
    saved = kept(training)
    kill_at(training, 13)
    with pytest.raises(Killed):
        train(training)
    return saved[STATE]


def begun() -> Training:
    training = new_training(save_at_loss=(700.0,))
    training.validation = bar_source(7)
    return training


def assert_refused(data: bytes) -> None:
    training = begun()
    before = {name: tensor.clone() for name, tensor in training.network.state_dict().items()}
    with pytest.raises(UnreadableStateError):
        train(training, data)
    assert training.standing.step == 0
    assert_same_weights(training.network.state_dict(), before)


def test_every_flip_in_a_state_is_noticed(state: bytes) -> None:
    assert read_state(state)[0].step == 12
    random = np.random.default_rng(7)
    header = 8 + int.from_bytes(state[:8], "little")
    places = [*range(8), *random.integers(8, header, 50), *random.integers(header, len(state), 20)]
    for place in places:
        changed = bytearray(state)
        changed[place] ^= 1 << int(random.integers(8))
        with pytest.raises(UnreadableStateError):
            read_state(bytes(changed))


@pytest.mark.parametrize("left", [0, 7, 8, 5000, -1])
def test_a_cut_state_is_noticed(state: bytes, left: int) -> None:
    assert_refused(state[:left])


@pytest.mark.parametrize(
    "change",
    [
        lambda _, tensors: tensors.pop("moments/code.bias/exp_avg"),
        lambda _, tensors: tensors.pop("weights/code.bias"),
        lambda _, tensors: tensors.pop("best/code.bias"),
        lambda _, tensors: tensors.update({"more/code.bias": torch.zeros(2)}),
        lambda _, tensors: tensors.update({"weights/code.bias": torch.zeros(9)}),
        lambda _, tensors: tensors.update({"weights/code.bias": torch.zeros(8).half()}),
        lambda _, tensors: tensors["weights/code.bias"].fill_(float("nan")),
        lambda standing, _: standing.update(step=16),
        lambda standing, _: standing.update(step=10**30),
        lambda standing, _: standing.update(order="another"),
        lambda standing, _: standing.update(reached={"5.0": 12}),
        lambda standing, _: standing.update(reached={"5.0": 12}, kept={"5.0": "0" * 64}),
        lambda standing, _: standing.update(history=[]),
        lambda standing, _: standing.update(best_step=None),
        lambda standing, _: standing.update(best_step=11),
        lambda standing, _: standing.update(surprise=1),
    ],
)
def test_a_state_that_is_whole_but_not_of_this_training_is_refused(
    change: Callable[[dict[str, Any], dict[str, Tensor]], Any], state: bytes
) -> None:
    """Whoever can write a file can write its checksum, too."""
    standing, tensors = read_state(state)
    values = json.loads(standing.model_dump_json())
    change(values, tensors)
    text = json.dumps(values)
    assert_refused(tensor_bytes(tensors, {"standing": text, "sha256": checksum(text, tensors)}))
