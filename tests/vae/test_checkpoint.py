"""Models on disk: whole, or refused in words."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
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


def in_source(**values: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        there = json.loads((folder / CONFIG).read_bytes())["source"]
        edited("source", {**there, **values})(folder)

    return damage


def edit_text(path: Path, text: str) -> None:
    path.write_text(text)


def written(text: str) -> Callable[[Path], None]:
    return lambda folder: edit_text(folder / CONFIG, text)


def in_place_of(name: str, make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return damage


def endless(name: str) -> Callable[[Path], None]:
    """Make a file of a terabyte that takes no room on the disk."""
    return lambda folder: os.truncate(folder / name, 2**40)


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


def refilled(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    """Change the tensors of the weights; config.json names the file that comes of it."""

    def damage(folder: Path) -> None:
        tensors = safetensors.torch.load((folder / WEIGHTS).read_bytes())
        change(tensors)
        data = safetensors.torch.save(tensors)
        (folder / WEIGHTS).write_bytes(data)
        edited("files", {WEIGHTS: hashlib.sha256(data).hexdigest()})(folder)

    return damage


def broken_number(value: float) -> Callable[[Path], None]:
    return refilled(lambda tensors: tensors["code.bias"].view(-1)[2:3].fill_(value))


def no_object(folder: Path) -> None:
    (folder / CONFIG).write_text("[1, 2]")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / CONFIG).unlink(), "not a finished model"),
        (lambda folder: (folder / WEIGHTS).unlink(), "cannot be read"),
        (cut(CONFIG), "is not JSON"),
        (no_object, "config.json"),
        (cut(WEIGHTS), "sha256 differs"),
        (flipped, "sha256 differs"),
        (replaced_by_text, "cannot be used as weights"),
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
        (broken_number(float("nan")), "code.bias holds values that are not finite numbers"),
        (broken_number(float("-inf")), "code.bias holds values that are not finite numbers"),
        (refilled(lambda tensors: tensors.pop("code.bias")), "it lacks code.bias"),
        (refilled(lambda tensors: tensors.update(a=torch.zeros(3))), "it has a, which"),
        (
            refilled(
                lambda tensors: tensors.update(
                    {"code.bias": torch.full((8,), 1e300, dtype=torch.float64)}
                )
            ),
            r"code.bias is float64 \[8\], not float32 \[8\]",
        ),
        (
            refilled(
                lambda tensors: tensors.update(
                    {"code.bias": torch.zeros(8).to(torch.float8_e4m3fn)}
                )
            ),
            "code.bias is float8_e4m3fn",
        ),
        (edited("class_names", [f"{number}" for number in range(10**6)]), "class_names"),
        (edited("class_names", ["one", "two\nlines", "three"]), r"class_names: two\\x0alines"),
        (edited("class_names", ["one", "", "three"]), "class_names: .*it is empty"),
        (edited("image_shape", [17, 22, 2]), "image_shape"),
        (in_source(rows=[10**30]), "source.rows"),
        (in_source(rows=[-1]), "source.rows"),
        (in_source(rows=[3, 3]), "the rows do not rise"),
        (in_source(size=[10**9, 1]), "source.size"),
        (
            edited("files", {"../model.safetensors": "0" * 64}),
            "files.*not a path inside the folder",
        ),
        (edited("files", {"/etc/passwd": "0" * 64}), "files.*not a path inside the folder"),
        (edited("files", {WEIGHTS: "short"}), "files.*model.safetensors"),
        (edited("files", {}), "names no weights"),
        (written("[" * 100_000 + "]" * 100_000), "nested too deeply"),
        (written('{"schema_version": 1' + "0" * 6000 + "}"), "is not JSON"),
        (written('{"schema_version": NaN}'), "NaN is not a JSON number"),
        (in_place_of(CONFIG, os.mkfifo), "it is a FIFO, not a file"),
        (in_place_of(WEIGHTS, os.mkfifo), "it is a FIFO, not a file"),
        (in_place_of(CONFIG, Path.mkdir), "it is a folder, not a file"),
        (in_place_of(CONFIG, lambda path: path.symlink_to("/dev/zero")), "it is a device"),
        (in_place_of(WEIGHTS, lambda path: path.symlink_to("/dev/zero")), "it is a device"),
        (endless(WEIGHTS), "does not fit the network .* more than the"),
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
    with pytest.raises(InputDataError, match="not a finished model"):
        load_model(tmp_path / "nowhere")


def test_a_network_is_not_built_for_what_its_weights_lack(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config may declare a network of a gigabyte; its weights have some kilobytes."""
    for key, value in (
        ("class_names", [f"{number:05d}" for number in range(32_768)]),
        ("latent", 1024),
        ("image_shape", [128, 126, 3]),
    ):
        edited(key, value)(folder)

    def built(*_arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr("augfactory.vae.checkpoint.build_network", built)
    for architecture in NETWORKS:
        edited("architecture", architecture)(folder)
        with pytest.raises(InputDataError, match="does not fit the network"):
            load_model(folder)


def test_checkpoints_in_a_linked_folder_are_not_read(folder: Path) -> None:
    (folder / "checkpoints").rename(folder / "elsewhere")
    (folder / "checkpoints").symlink_to("elsewhere")
    load_model(folder)
    with pytest.raises(InputDataError, match="is a link, not a folder"):
        load_model(folder, "loss-700")
