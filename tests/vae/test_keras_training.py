"""The VAE article's own training (docs/documents.md, 003), held to its published formulas."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from augfactory.vae.config import document_bytes
from augfactory.vae.training import STATE, Callbacks, train
from augfactory.vae.training_batches import draw_batch
from augfactory.vae.training_state import read_state
from tests.cli.in_process import answer, run
from tests.pictures import write_class_folders
from tests.vae.small import LATENT, bar_source, empty_config, new_training, settings

ARTICLE: dict[str, Any] = {
    "optimiser": "rmsprop",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "clip": False,
    "noise": "batch",
    "warmup": 0,
    "patience": 0,
}
OPTIONS = (
    "--architecture", "keras-mnist", "--optimiser", "rmsprop", "--learning-rate", 0.001,
    "--schedule", "constant", "--no-clip", "--noise", "batch", "--warmup", 0, "--patience", 0,
    "--no-geometry", "--no-verdict",
)  # fmt: skip


def test_rmsprop_is_that_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a ← 0.9 a + 0.1 g², w ← w - lr·g / (√a + 1e-7), as Keras 2 had it."""
    training = new_training("keras-mnist", steps=3, **ARTICLE)
    expected = {name: own.detach().clone() for name, own in training.network.named_parameters()}
    squares = {name: torch.zeros_like(own) for name, own in expected.items()}
    original = torch.optim.RMSprop.step

    def step(self: torch.optim.RMSprop, *arguments: Any) -> Any:
        for name, parameter in training.network.named_parameters():
            gradient = parameter.grad
            assert gradient is not None
            squares[name] = 0.9 * squares[name] + 0.1 * gradient**2
            expected[name] -= 1e-3 * gradient / (squares[name].sqrt() + 1e-7)
        return original(self, *arguments)

    monkeypatch.setattr(torch.optim.RMSprop, "step", step)
    train(training)
    for name, parameter in training.network.named_parameters():
        assert torch.allclose(parameter, expected[name], rtol=1e-5, atol=1e-7), name
    assert {row.learning_rate for row in training.standing.history} == {1e-3}


def test_the_rate_stays_the_gradient_is_whole_and_a_batch_shares_its_noise() -> None:
    source = bar_source()
    _, _, own = draw_batch(source, settings(), LATENT, 0)
    _, _, shared = draw_batch(source, settings(**ARTICLE), LATENT, 0)
    assert own.shape == shared.shape == (8, LATENT)
    assert len(np.unique(own.numpy(), axis=0)) == 8
    assert len(np.unique(shared.numpy(), axis=0)) == 1
    assert not torch.equal(shared, draw_batch(source, settings(**ARTICLE), LATENT, 1)[2])


def test_without_clipping_gradients_stay_as_long_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("augfactory.vae.training.CLIP_NATS_PER_VALUE", 1e-4)

    def weights(**changed: Any) -> dict[str, Tensor]:
        training = new_training(steps=2, **changed)
        train(training)
        return training.network.state_dict()

    whole, clipped = weights(optimiser="rmsprop", clip=False), weights(optimiser="rmsprop")
    assert any(not torch.allclose(whole[name], clipped[name]) for name in whole)


def test_a_killed_training_goes_on_with_the_moments_of_rmsprop() -> None:
    saved: list[bytes] = []
    whole = new_training("keras-mnist", steps=8, **ARTICLE)
    whole.callbacks = Callbacks(
        save=lambda name, data: saved.append(data) if name == STATE else None
    )
    train(whole)
    part = new_training("keras-mnist", steps=8, **ARTICLE)
    assert read_state(saved[0])[0].step == 4
    train(part, saved[0])
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, part.network.state_dict()[name]), name


def test_what_is_at_its_default_is_not_told() -> None:
    """So a model of before and one of today are the same request."""
    plain = json.loads(document_bytes(empty_config("conditional", bar_source(), settings())))
    assert not {"optimiser", "schedule", "clip", "noise"} & plain["training"].keys()
    ours = json.loads(
        document_bytes(empty_config("conditional", bar_source(), settings(**ARTICLE)))
    )
    assert {key: ours["training"][key] for key in ARTICLE} == ARTICLE


def test_the_command_trains_as_the_article_does(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "pictures", 4)
    line = ("vae-train", "pictures", "--size", "17x22", "--steps", 4, "--batch", 6, *OPTIONS)
    answer(*line, "--out", "model", cwd=tmp_path)
    kept = json.loads((tmp_path / "model" / "config.json").read_text())
    assert {key: kept["training"][key] for key in ARTICLE} == ARTICLE
    assert answer(*line, "--out", "model", cwd=tmp_path)["existing"]
    other = line[: line.index("--noise")] + line[line.index("--noise") + 2 :]
    told = run(*other, "--out", "model", cwd=tmp_path, code=2).stderr
    assert "--noise is batch there and image here" in told
    told = run(
        "vae-train", "pictures", "--optimiser", "rmsprob", "--out", "m", cwd=tmp_path, code=2
    ).stderr
    assert "Did you mean 'rmsprop'?" in told
