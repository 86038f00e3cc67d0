"""torchvision's own classes read files in torchvision's own layout; nothing is fetched unasked."""

import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources.opening import open_source
from augfactory.sources.torchvision_source import CATALOGUE, ROOT_VARIABLE, torchvision_root
from augfactory.torchvision_import import import_torchvision
from tests.sources.written import HEIGHT, WIDTH, noise, write_idx

IMAGES = noise(6, HEIGHT, WIDTH)
LABELS = np.array([9, 0, 1, 1, 0, 2])


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own root, and no network: reaching for it is a failure of its own kind."""

    def unreachable(*_: object, **__: object) -> None:
        raise AssertionError("a test reached for the network")

    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    return tmp_path


def opened(name: str, *, download: bool = False) -> Source:
    return open_source(SourceSpec(f"torchvision:{name}", download=download))


def refusal(name: str, *, download: bool = False) -> str:
    with pytest.raises(InputDataError) as caught:
        opened(name, download=download)
    return str(caught.value)


def test_fashion_mnist_from_its_raw_files(root: Path) -> None:
    write_idx(root / "FashionMNIST" / "raw", IMAGES, LABELS)
    write_idx(root / "FashionMNIST" / "raw", IMAGES[:3] ^ 255, LABELS[:3], "t10k")
    train, test = opened("FashionMNIST"), opened("FashionMNIST:test")
    assert (train.split, test.split) == ("train", "test")
    assert train.image_shape == (HEIGHT, WIDTH, 1)
    assert train.class_names[9] == "Ankle boot"
    assert len(train.class_names) == len(test.class_names) == 10
    assert np.array_equal(train.read_images(np.array([5, 0, 5]))[..., 0], IMAGES[[5, 0, 5]])
    assert np.array_equal(test.read_images(np.arange(3))[..., 0], IMAGES[:3] ^ 255)
    assert train.labels.tolist() == LABELS.tolist()
    assert train.row_name(4) == "FashionMNIST:train row 4"


def test_parts_of_emnist_are_sets_of_their_own(root: Path) -> None:
    write_idx(root / "EMNIST" / "raw", IMAGES, LABELS, "emnist-letters-train")
    write_idx(root / "EMNIST" / "raw", IMAGES, LABELS, "emnist-letters-test")
    assert opened("EMNIST-letters").class_names[:3] == ("N/A", "a", "b")
    assert opened("EMNIST-letters:test").split == "test"
    assert "cannot open EMNIST-digits" in refusal("EMNIST-digits")


def test_a_set_of_files_is_read_lazily(root: Path) -> None:
    for row, name in enumerate(("Forest", "River", "Forest")):
        folder = root / "eurosat" / "2750" / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(HEIGHT, WIDTH, 3, seed=row)).save(folder / f"{row}.png")
    source = opened("EuroSAT")
    assert source.split is None
    assert source.class_names == ("Forest", "River")
    assert source.labels.tolist() == [0, 0, 1]
    assert np.array_equal(source.read_images(np.array([2]))[0], noise(HEIGHT, WIDTH, 3, seed=1))
    assert source.row_name(1) == "Forest/2.png"
    for split in ("train", "test"):
        assert f"no {split} split" in refusal(f"EuroSAT:{split}")


def test_missing_files_name_the_root_and_the_option(root: Path) -> None:
    message = refusal("MNIST")
    assert f"torchvision cannot open MNIST under {root}" in message
    assert "--download" in message
    assert not list(root.iterdir())


def test_download_is_asked_of_torchvision_only_when_asked_of_us(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class_ = import_torchvision("torchvision.datasets").KMNIST

    def download(dataset: object) -> None:
        print("fetching")
        write_idx(root / "KMNIST" / "raw", IMAGES, LABELS)
        write_idx(root / "KMNIST" / "raw", IMAGES, LABELS, "t10k")

    monkeypatch.setattr(class_, "download", download)
    assert "--download" in refusal("KMNIST")
    assert len(opened("KMNIST", download=True)) == 6
    assert capsys.readouterr().out == ""  # standard output belongs to results


def test_a_failed_download_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class_ = import_torchvision("torchvision.datasets").KMNIST

    def download(dataset: object) -> None:
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nTried …")

    monkeypatch.setattr(class_, "download", download)
    message = refusal("KMNIST", download=True)
    assert "(Error downloading train-images-idx3-ubyte.gz:)" in message
    assert "network" in message


def test_damaged_files_are_told(root: Path) -> None:
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        path = root / "MNIST" / "raw" / f"{name}-ubyte"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0\0\x08\x03garbage")
    assert "torchvision cannot open MNIST" in refusal("MNIST")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mnist", "MNIST"),
        ("FashonMNIST", "FashionMNIST"),
        ("cifar-10", "CIFAR10"),
        ("emnist", "EMNIST-balanced"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(name: str, near: str) -> None:
    message = refusal(name)
    assert f"Did you mean torchvision:{near}" in message
    assert "SVHN" in message


def test_a_name_like_none_lists_all() -> None:
    assert "Did you mean" not in refusal("zzzz")


def test_the_catalogue_names_real_classes_and_keywords() -> None:
    datasets = import_torchvision("torchvision.datasets")
    for class_name, splits in CATALOGUE.values():
        class_ = getattr(datasets, class_name)
        accepted = {*class_.__init__.__annotations__, "train", "download"}
        for keywords in splits.values():
            assert set(keywords) <= accepted


def test_the_root_is_in_the_cache_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT_VARIABLE)
    monkeypatch.setenv("HOME", "/home/someone")
    assert torchvision_root() == Path("/home/someone/.cache/augfactory/torchvision")


def test_folders_that_torchvision_filled(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "mine"
    write_idx(other / "FashionMNIST" / "raw", IMAGES, LABELS)
    write_idx(other / "FashionMNIST" / "raw", IMAGES[:3] ^ 255, LABELS[:3], "t10k")
    for text in (other, other / "FashionMNIST"):
        train, test = (open_source(SourceSpec(f"{text}{suffix}")) for suffix in ("", ":test"))
        assert (train.split, test.split) == ("train", "test")
        assert train.class_names[9] == "Ankle boot"
        assert np.array_equal(test.read_images(np.arange(3))[..., 0], IMAGES[:3] ^ 255)
    for prefix in ("train", "t10k"):
        write_idx(other / "KMNIST" / "raw", IMAGES, LABELS, prefix)
    with pytest.raises(InputDataError, match="several sets there: FashionMNIST, KMNIST"):
        open_source(SourceSpec(str(other)))
    assert len(open_source(SourceSpec(str(other / "KMNIST")))) == len(IMAGES)


def test_pickles_of_a_folder_are_read_only_as_published(root: Path, tmp_path: Path) -> None:
    batches = tmp_path / "data" / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    for name in ("data_batch_1", "batches.meta", "test_batch"):
        (batches / name).write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    for folder in (batches, batches.parent):
        with pytest.raises(InputDataError, match="torchvision cannot open CIFAR10"):
            open_source(SourceSpec(str(folder)))
    assert not Path("hacked").exists()
