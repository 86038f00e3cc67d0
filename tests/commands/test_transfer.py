"""A classifier that an evaluation trained and saved is where another one starts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from typer.testing import CliRunner

import augfactory
from augfactory.cli.app import app
from augfactory.commands.evaluate.checks import from_weights
from augfactory.errors import InputDataError, RecipeError
from augfactory.evaluation.classifiers.last_layer import fixed_layers
from augfactory.evaluation.classifiers.registry import (
    CLASSIFIERS,
    check_image_shape,
    find_classifier,
)
from augfactory.evaluation.classifiers.torchvision_models import torchvision_model
from augfactory.evaluation.classifiers.weights import load_weights, weights_bytes
from augfactory.evaluation.comparison.protocol import ClassifierSpec
from augfactory.evaluation.training.settings import (
    TrainingSettings,
    learning_rate_at,
    read_drops,
    read_freeze,
)
from augfactory.evaluation.training.train import train_classifier
from augfactory.evaluation.training.training_set import plain_set
from tests.evaluation.memory import pattern_source
from tests.report.undrawn import blank, draw_nothing


def photographs(path: Path, count: int, classes: int, seed: int) -> str:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (count, 12, 17, 3), dtype=np.uint8)
    np.savez(path, image=image, label=np.arange(count) % classes)
    return str(path)


def evaluated(*words: str) -> dict[str, Any]:
    told = CliRunner().invoke(
        app, ["evaluate", *words, "--seeds", "1", "--workers", "1", "--json", "--quiet"]
    )
    assert told.exit_code == 0, told.output
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_saved_weights_start_another_evaluation_of_other_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_nothing(monkeypatch, blank(31, 17))
    monkeypatch.chdir(tmp_path)
    for name, classes, seed in (("many", 5, 0), ("few", 3, 10)):
        train = photographs(tmp_path / f"{name}.npz", 30, classes, seed)
        photographs(tmp_path / f"{name}-test.npz", 15, classes, seed + 1)
        augfactory.expand(train, name, factor=2, workers=1)
    first = ["many-x2", "--test", "many-test.npz", "--steps", "3", "--batch", "6", "--out", "a"]
    evaluated(*first)
    assert not (tmp_path / "a" / "weights").exists()
    found = evaluated(*first, "--save-weights")  # finished ones are trained again for them
    saved = [Path(path) for path in found["files"] if path.endswith(".safetensors")]
    assert [path.name.split("-seed")[0] for path in saved] == [
        *("originals", "originals-geometry", "originals-geometry-mixup"),
        *("originals-geometry-randaugment-mixup", "many-x2"),
    ]
    with safe_open(saved[0], "pt") as file:
        about = json.loads(file.metadata()["classifier"])
    assert (about["classifier"], about["steps"], about["normalised"]) == ("quick", 3, False)
    second = ["few-x2", "--test", "few-test.npz", "--steps", "3", "--batch", "6", "--out", "b"]
    weights = ["--weights", str(saved[0])]
    found = evaluated(*second, *weights, "--freeze", "2", "--save-weights")
    assert found["settings"]["freeze"] == 2
    said = [alert["text"] for alert in found["alerts"]]
    assert any(saved[0].name in text and "last layer starts anew" in text for text in said)
    now = load_file(next(path for path in found["files"] if "originals-seed0" in path))
    before = load_file(saved[0])
    layers = sorted({name.rsplit(".", 1)[0] for name in before}, key=int)
    same = [
        layer
        for layer in layers
        if all(
            before[name].shape == now[name].shape and torch.equal(before[name], now[name])
            for name in before
            if name.startswith(f"{layer}.") and "num_batches" not in name
        )
    ]
    assert same == layers[:2]
    assert now[f"{layers[-1]}.weight"].shape[0] == 3
    assert evaluated(*second, "--out", "c")["arms"][0]["nll"] != found["arms"][0]["nll"]
    for words, what in (
        (["--freeze", "2"], "drawn at random"),
        ([*weights, "--freeze", "99"], "give 1 to"),
        ([*weights, "--freeze", "nowhere"], "no layer but the first"),
        ([*weights, "--classifier", "vgg"], "Name weights of vgg"),
        (["--optimiser", "adamm"], "'adam'"),
        (["--drops", "0.6:0.1,0.4:0.2"], "ascending"),
        (["--learning-rate", "0"], "above 0"),
    ):
        told = CliRunner().invoke(app, ["evaluate", *second, *words])
        assert told.exit_code in (2, 3), told.output
        assert what in told.output.replace("\n  ", " "), told.output


def test_layers_of_a_network_can_be_kept_by_number_and_by_name() -> None:
    network = find_classifier("densenet121").build((64, 64, 3), 5)
    kept = fixed_layers(network, "denseblock3")
    assert any("denseblock2.denselayer12.conv2" in name for name in kept)
    assert any("transition2" in name for name in kept)
    assert not any(part in name for name in kept for part in ("denseblock3", "classifier"))
    assert fixed_layers(network, 3) == {
        *("model.features.conv0", "model.features.norm0"),
        "model.features.denseblock1.denselayer1.norm1",
    }
    with pytest.raises(RecipeError, match="no layer but the first has 'conv0'"):
        fixed_layers(network, "conv0")
    check_image_shape("quick", None, (20, 24, 3), 4, freeze=4)


class Tokened(nn.Module):
    """A network with a weight of its own beside its layers, as vision transformers have."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 3, 12, 9))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3 * 12 * 9, 4))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(images + self.token)
        return found


@pytest.mark.parametrize("freeze", [True, 1])
def test_a_fixed_weight_of_a_whole_network_leaves_its_layers_to_learn(freeze: Any) -> None:
    source = plain_set(pattern_source("a", 20))
    settings = TrainingSettings(steps=5, batch=8, optimiser="adam", freeze=freeze)

    def build(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        height, width, channels = image_shape
        network = Tokened()
        network.token = nn.Parameter(torch.zeros(1, channels, height, width))
        last = nn.Linear(channels * height * width, classes)
        network.head[2] = last
        nn.init.zeros_(last.weight)
        return network

    found: Any = train_classifier(source, build, settings, 0).network
    assert not found.token.any()
    assert found.head[2].weight.any()


def test_fixed_batch_norms_rest_and_the_others_are_measured() -> None:
    known = CLASSIFIERS["quick"]
    settings = TrainingSettings(steps=30, batch=16, learning_rate=known.learning_rate, freeze=5)
    built: list[dict[str, torch.Tensor]] = []

    def build(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        network = known.build(image_shape, classes)
        built.append({name: value.clone() for name, value in network.state_dict().items()})
        return network

    found = train_classifier(plain_set(pattern_source("a", 60)), build, settings, 0).network
    moved = {
        name.rsplit(".", 1)[0]
        for name, value in found.state_dict().items()
        if not torch.equal(value, built[0][name])
    }
    layers = [name for name, own in found.named_modules() if list(own.parameters(recurse=False))]
    assert moved == set(layers[5:])
    norms = [own for own in found.modules() if isinstance(own, nn.BatchNorm2d)]
    first, last = (dict(norm.named_buffers())["running_var"] for norm in (norms[0], norms[-1]))
    assert torch.equal(first, torch.ones_like(first))
    assert not torch.equal(last, torch.ones_like(last))
    assert norms[-1].momentum == 0.1


def test_a_learning_rate_drops_where_it_is_told_to() -> None:
    drops = read_drops("0.4:0.1,0.6:0.01,0.9:0.0005")
    settings = TrainingSettings(steps=1000, horizon=1000, learning_rate=1e-3, drops=drops)
    rates = [learning_rate_at(settings, step) for step in (0, 49, 399, 400, 599, 600, 899, 900)]
    assert rates == pytest.approx([2e-5, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 5e-7])
    assert [read_freeze(text) for text in ("last", "7", "denseblock3")] == [True, 7, "denseblock3"]
    for wrong in ("0.4", "0.4:0", "1.0:0.1", "a:b", "0.4:0.1;0.5:0.1"):
        with pytest.raises(RecipeError):
            read_drops(wrong)


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop"])
def test_each_optimiser_learns(optimiser: Any) -> None:
    source = pattern_source("a", 60)
    settings = TrainingSettings(steps=60, batch=20, optimiser=optimiser, learning_rate=1e-3)
    settings = TrainingSettings(**{**vars(settings), "weight_decay": 1e-4})
    found = train_classifier(plain_set(source), CLASSIFIERS["quick"].build, settings, 0).network
    shown = torch.from_numpy(source.read_images(np.arange(60))).permute(0, 3, 1, 2) / 255
    right = found(shown).argmax(dim=1).numpy() == source.labels
    assert right.mean() > 0.9


def test_weights_of_torchvisions_are_taken_as_published_and_as_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network: Any = torchvision_model("densenet121", 4, None)
    published = {
        name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value
        for name, value in network.model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(published, tmp_path / "old.safetensors")
    loaded: Any = torchvision_model("densenet121", 9, tmp_path / "old.safetensors")
    assert loaded.normalised
    name = "features.denseblock1.denselayer1.norm1.weight"
    assert torch.equal(loaded.model.state_dict()[name], network.model.state_dict()[name])
    path = tmp_path / "own.safetensors"
    path.write_bytes(weights_bytes(network, {"classifier": "densenet121"}))
    assert not torchvision_model("densenet121", 9, path).normalised  # as it was trained
    path.write_bytes(weights_bytes(loaded, {"classifier": "densenet121"}))
    assert torchvision_model("densenet121", 9, path).normalised
    with pytest.raises(InputDataError, match="lacks"):
        load_weights(CLASSIFIERS["quick"].build((9, 9, 3), 2), "quick", path)


@pytest.mark.parametrize(
    ("name", "file", "shape", "warned"),
    [
        ("resnet18", "resnet18.pth", (32, 48, 3), True),
        ("resnet18", "resnet18.pth", (64, 96, 3), False),
        ("resnet18", "own.safetensors", (32, 48, 3), False),  # an evaluation saved it
        ("vgg", "vgg.pth", (32, 48, 3), False),
    ],
)
def test_small_images_are_told_where_weights_are_of_large_ones(
    name: str, file: str, shape: tuple[int, int, int], *, warned: bool
) -> None:
    alerts = from_weights(ClassifierSpec(name, Path(file), "0" * 64), shape)
    told = [alert.text for alert in alerts if alert.level == "warning"]
    assert bool(told) == warned
    assert not warned or "Expand with --size 96 or 128" in told[0]
    assert from_weights(ClassifierSpec(name), shape) == []
