"""Models on disk: whole, or refused in words."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from augfactory.errors import InputDataError
from augfactory.vae.checkpoint import checkpoint_path, load_model, weights_bytes
from augfactory.vae.config import document_bytes
from augfactory.vae.files import CONFIG, WEIGHTS
from augfactory.vae.networks.registry import NETWORKS
from tests.vae.small import replace_files, trained_model

CHECKPOINT = "checkpoints/loss-700.safetensors"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Return the files of a model with one checkpoint, by path."""
    model, earlier = trained_model(), trained_model(steps=4)
    weights = {WEIGHTS: weights_bytes(model.network), CHECKPOINT: weights_bytes(earlier.network)}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in weights.items()}
    return {**weights, CONFIG: document_bytes(replace_files(model.config, digests))}


@pytest.fixture
def folder(files: dict[str, bytes], tmp_path: Path) -> Path:
    """Return a folder with these files."""
    (tmp_path / "checkpoints").mkdir()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.mark.parametrize("architecture", list(NETWORKS))
def test_round_trip(architecture: str, tmp_path: Path) -> None:
    model = trained_model(architecture, steps=4)
    (tmp_path / WEIGHTS).write_bytes(weights_bytes(model.network))
    (tmp_path / CONFIG).write_bytes(document_bytes(model.config))
    again = load_model(tmp_path)
    assert again.config == model.config
    assert again.sha256 == hashlib.sha256((tmp_path / WEIGHTS).read_bytes()).hexdigest()
    assert not again.network.training
    state = again.network.state_dict()
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, state[name])
    assert weights_bytes(again.network) == weights_bytes(model.network)


def test_a_checkpoint_has_several_names(folder: Path) -> None:
    final = load_model(folder)
    for name in ("loss-700", "700", "checkpoints/loss-700.safetensors"):
        earlier = load_model(folder, name)
        assert earlier.sha256 != final.sha256
        assert earlier.sha256 == hashlib.sha256((folder / CHECKPOINT).read_bytes()).hexdigest()
    assert checkpoint_path(None) == WEIGHTS


def test_an_unknown_checkpoint_names_those_there_are(folder: Path) -> None:
    with pytest.raises(InputDataError, match=r"no checkpoint 'loss-1'(.|\n)*It has loss-700"):
        load_model(folder, "loss-1")
    with pytest.raises(InputDataError, match="no checkpoint"):
        load_model(folder, "../../secret")


def edited(key: str, value: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_bytes())
        config[key] = value
        (folder / CONFIG).write_text(json.dumps(config))

    return damage


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return damage


def flipped(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)


def replaced_by_text(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"no tensors")
    digest = hashlib.sha256(b"no tensors").hexdigest()
    edited("files", {WEIGHTS: digest})(folder)


def no_object(folder: Path) -> None:
    (folder / CONFIG).write_text("[1, 2]")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / CONFIG).unlink(), "no finished model"),
        (lambda folder: (folder / WEIGHTS).unlink(), "cannot be read"),
        (cut(CONFIG), "is no JSON"),
        (no_object, "config.json"),
        (cut(WEIGHTS), "sha256 differs"),
        (flipped, "sha256 differs"),
        (replaced_by_text, "does not fit the network"),
        (edited("architecture", "conditionel"), "there is no architecture 'conditionel'"),
        (edited("latent", 5), "does not fit the network"),
        (edited("latent", 10**12), "latent"),
        (edited("latent", "many"), "latent"),
        (edited("image_shape", [17, 33, 3]), "does not fit the network"),
        (edited("image_shape", [17, 22222, 3]), "image_shape"),
        (edited("class_names", ["one", "two"]), "does not fit the network"),
        (edited("schema_version", 99), "schema version 99"),
        (edited("surprise", 1), "surprise"),
        (edited("source", None), "source"),
    ],
)
def test_damage_is_told_in_words(
    damage: Callable[[Path], None], message: str, folder: Path
) -> None:
    load_model(folder)
    damage(folder)
    with pytest.raises(InputDataError, match=message) as caught:
        load_model(folder)
    assert str(folder) in caught.value.where
    assert caught.value.remedy


def test_a_missing_folder_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="no finished model"):
        load_model(tmp_path / "nowhere")
