"""torchvision's classifiers: grey images, and weights from a file."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from augfactory.commands.evaluate.request import classifier_spec
from augfactory.errors import InputDataError
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.classifiers.torchvision_models import (
    MEAN,
    STD,
    model_names,
    torchvision_model,
)
from augfactory.torchvision_import import import_torchvision

SMALL = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """Weights of a model with another number of classes, as published ones are."""
    torch.manual_seed(5)
    model = import_torchvision("torchvision.models").get_model(SMALL, num_classes=1000)
    return dict(model.state_dict())


def test_names_are_torchvisions_classifiers() -> None:
    assert {"resnet18", "densenet121", SMALL} <= set(model_names())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_model_takes_grey_and_colour(channels: int) -> None:
    network = find_classifier(SMALL).build((40, 33, channels), 7).eval()
    images = torch.rand(2, channels, 40, 33)
    assert network(images).shape == (2, 7)
    if channels == 1:
        assert torch.equal(network(images), network(images.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_all_but_the_last_layer_comes_from_the_file(
    published: dict[str, torch.Tensor], suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"weights{suffix}"
    save: Any = save_file if suffix == ".safetensors" else torch.save
    save(published, path)
    torch.manual_seed(1)
    network: Any = find_classifier(SMALL, path).build((40, 33, 3), 7).eval()
    for key, value in network.model.state_dict().items():
        if key.startswith("fc."):
            assert value.shape[0] == 7
        else:
            assert torch.equal(value, published[key])
    images = torch.rand(2, 3, 40, 33)
    mean, std = (torch.tensor(own)[:, None, None] for own in (MEAN, STD))
    assert torch.equal(network(images), network.model((images - mean) / std))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"conv1.0.weight": None}, "lacks conv1.0.weight"),
        ({"extra": torch.zeros(2)}, "has extra, which"),
        ({"conv1.0.weight": torch.zeros(2, 3)}, r"conv1.0.weight has the shape \(2, 3\)"),
    ],
)
def test_weights_that_do_not_fit_are_named(
    published: dict[str, torch.Tensor], change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    changed = {key: value for key, value in (published | change).items() if value is not None}
    torch.save(changed, path)
    with pytest.raises(InputDataError, match=told):
        torchvision_model(SMALL, 3, path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_that_are_no_numbers_are_named(
    published: dict[str, torch.Tensor], suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"weights{suffix}"
    spoilt = published["conv1.0.weight"].clone()
    spoilt[3, 1, 2, 0] = float("nan")
    save: Any = save_file if suffix == ".safetensors" else torch.save
    save({**published, "conv1.0.weight": spoilt}, path)
    with pytest.raises(InputDataError, match=r"conv1.0.weight holds values .* not finite"):
        torchvision_model(SMALL, 3, path)


def endless(path: Path) -> None:
    """Make a file of a terabyte that takes no room on the disk."""
    path.touch()
    os.truncate(path, 2**40)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (os.mkfifo, "it is a FIFO"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
        (Path.mkdir, "it is a folder"),
        (endless, "more than the"),
    ],
)
def test_nothing_is_read_without_end(
    suffix: str, make: Callable[[Path], Any], told: str, tmp_path: Path
) -> None:
    path = tmp_path / f"weights{suffix}"
    make(path)
    with pytest.raises(InputDataError, match=told):
        torchvision_model(SMALL, 3, path)
    with pytest.raises(InputDataError, match=told):
        classifier_spec(SMALL, path)


def test_weights_that_inflate_are_refused(
    published: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    plain, packed = io.BytesIO(), tmp_path / "packed.pth"
    torch.save(published, plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(InputDataError, match="compressed"):
        torchvision_model(SMALL, 3, packed)


def test_cut_and_changed_files_are_told_in_words(
    published: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    whole, path = io.BytesIO(), tmp_path / "weights.pth"
    random = np.random.default_rng(5)
    for new_format in (True, False):
        torch.save({"a": torch.zeros(5, 3)}, whole, _use_new_zipfile_serialization=new_format)
        data = whole.getvalue()
        for place in random.integers(0, len(data), 40).tolist():
            changed = bytearray(data)
            changed[place] ^= 1 << int(random.integers(8))
            path.write_bytes(changed if place % 3 else data[:place])
            with pytest.raises(InputDataError, match=r"weights.pth"):
                torchvision_model(SMALL, 3, path)


class Trap:
    """A pickle of this would run code when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("trapped",))


@pytest.mark.parametrize("content", [b"", b"no weights", None, "list"])
def test_files_that_are_no_weights_are_refused(
    content: bytes | str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / f"broken{suffix}"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save([1, 2] if content else {"a": Trap()}, path)
        with pytest.raises(InputDataError, match="broken"):
            torchvision_model(SMALL, 3, path)
    assert "trapped" not in capsys.readouterr().out
    with pytest.raises(InputDataError, match="cannot be read"):
        torchvision_model(SMALL, 3, tmp_path / "absent.pth")
