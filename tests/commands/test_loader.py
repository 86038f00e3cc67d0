"""`augfactory.loader` and the options of `augfactory.load`, on real versions, in real processes."""

import gc
import itertools
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import augfactory
from augfactory.errors import RecipeError
from augfactory.loading.dataset import channel_statistics
from augfactory.records import Float32Array
from augfactory.store.reader import open_version
from tests.commands.loaded import ORDERS, ROWS, all_images, made, served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("loader"), "hdf5")


def test_a_dataset_and_a_loader_say_what_they_hold(folder: Path) -> None:
    dataset = augfactory.load(str(folder))
    assert repr(dataset) == f"VersionDataset(hdf5-x10@v1, rows={ROWS}, classes=3, shape=(9, 14, 3))"
    assert repr(augfactory.loader(dataset, 64, rows=range(100))) == (
        "VersionLoader(hdf5-x10@v1, rows=100, classes=3, shape=(9, 14, 3), batches=2)"
    )
    views = augfactory.loader(augfactory.load(str(folder), views=True), 5)
    assert "rows=12, " in repr(views)
    assert repr(views).endswith("batches=3)")


@pytest.mark.parametrize("order", ORDERS)
def test_an_epoch_serves_every_row_once_and_as_stored(folder: Path, order: Any) -> None:
    stored = open_version(folder).source
    loader = augfactory.loader(str(folder), 32, order=order, seed=5)
    for _ in range(2):
        batches = served(loader)
        assert sorted(itertools.chain(*batches)) == list(range(ROWS))
        assert len(loader) == len(batches)
        for rows, (images, labels) in zip(batches, loader, strict=True):
            pixels = stored.read_images(np.array(rows)).transpose(0, 3, 1, 2)
            assert np.array_equal(images.numpy(), pixels.astype(np.float32) / 255)
            assert images.is_contiguous()
            assert np.array_equal(labels.numpy(), stored.read_soft_labels(np.array(rows)))


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_batches_do_not_depend_on_the_number_of_workers(folder: Path, method: Any) -> None:
    def two_epochs(workers: int, order: Any, **options: Any) -> list[Any]:
        loader = augfactory.loader(
            augfactory.load(str(folder), **options),
            32,
            order=order,
            seed=2,
            workers=workers,
            start_method=method,
        )
        batches = [batch for _ in range(2) for batch in loader]
        assert len(batches) == 2 * len(loader)
        return batches

    # Processes that are spawned load torch anew, each of them: one of them has to do.
    orders: dict[str, dict[str, Any]] = {"shuffled": {"views": True}}
    workers = 2 if method == "fork" else 1
    for order, options in ({"blocks": {}, **orders} if method == "fork" else orders).items():
        alone, together = two_epochs(0, order, **options), two_epochs(workers, order, **options)
        for (images, labels), (same_images, same_labels) in zip(alone, together, strict=True):
            assert torch.equal(images, same_images)
            assert torch.equal(labels, same_labels)


@pytest.mark.parametrize("order", [*ORDERS, "views"])
def test_batches_do_not_depend_on_how_many_are_read_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, order: Any
) -> None:
    options: dict[str, Any] = {"views": True} if order == "views" else {}
    epochs = []
    for batches in (0, 3, 1000):
        monkeypatch.setattr("augfactory.loading.load.READ_AT_ONCE", batches * 7 * 9 * 14 * 3)
        loader = augfactory.loader(
            augfactory.load(str(folder), **options),
            7,
            order="shuffled" if options else order,
            drop_last=True,
        )
        epochs.append(list(loader))
        assert len(epochs[-1]) == len(loader)
    for one, some, all_rows in zip(*epochs, strict=True):
        for part in (0, 1):
            assert len(one[part]) == 7
            assert torch.equal(one[part], some[part])
            assert torch.equal(one[part], all_rows[part])


@pytest.mark.parametrize(
    ("in_memory", "held_bytes", "once"),
    [
        (True, 0, True),
        (None, ROWS * 9 * 14 * 3, True),
        (None, ROWS * 9 * 14 * 3 - 1, False),
        (False, 2**28, False),
    ],
)
def test_in_memory_every_image_is_read_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, in_memory: Any, held_bytes: int, once: bool
) -> None:
    monkeypatch.setattr("augfactory.loading.load.HELD_BYTES", held_bytes)
    dataset = augfactory.load(str(folder))
    read: list[int] = []
    real = dataset.version.source.read_images

    def counted(rows: Any) -> Any:
        read.extend(rows.tolist())
        return real(rows)

    object.__setattr__(dataset.version.source, "read_images", counted)
    loader = augfactory.loader(dataset, 32, in_memory=in_memory)
    for _ in range(2):
        for rows, (images, _) in zip(served(loader), loader, strict=True):
            pixels = real(np.array(rows)).transpose(0, 3, 1, 2)
            assert np.array_equal(images.numpy(), pixels.astype(np.float32) / 255)
    assert sorted(read) == sorted([*range(ROWS)] * (1 if once else 2))
    assert len(pickle.dumps(loader.dataset)) < 1500


def test_hard_labels_and_stored_pixels(folder: Path) -> None:
    soft = open_version(folder).source.read_soft_labels(np.arange(ROWS))
    dataset = augfactory.load(str(folder), labels="hard", images="uint8")
    items = dataset.__getitems__(range(ROWS))
    assert [int(label) for _, label in items] == soft.argmax(axis=1).tolist()
    image, label = items[7]
    assert (image.dtype, image.shape, label.dtype) == (torch.uint8, (3, 9, 14), torch.int64)
    assert np.array_equal(image.permute(1, 2, 0), all_images(open_version(folder))[7])


def test_normalised_values_are_those_of_numpy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augfactory.loading.dataset.READ_BYTES", 9 * 14 * 3 * 7)  # in 7s
    pixels = all_images(open_version(folder)).astype(np.float64) / 255
    mean, deviation = pixels.mean(axis=(0, 1, 2)), pixels.std(axis=(0, 1, 2))
    assert mean[1] < 0.7 * mean[0]
    dataset = augfactory.load(str(folder), normalise=True)
    assert dataset.statistics is not None
    np.testing.assert_allclose(np.array(dataset.statistics), (mean, deviation), atol=1e-6)
    version = open_version(folder)
    older = replace(version, manifest=version.manifest.model_copy(update={"statistics": None}))
    computed = np.array(channel_statistics(older))
    np.testing.assert_allclose(computed, (mean, deviation), rtol=1e-12)
    expected: Float32Array = ((pixels[40] - mean) / deviation).transpose(2, 0, 1)
    np.testing.assert_allclose(dataset[40][0].numpy(), expected, atol=1e-5)
    given = augfactory.load(str(folder), normalise=((0.5, 0.4, 0.3), (0.2, 0.25, 0.5)))
    expected = ((pixels[3] - (0.5, 0.4, 0.3)) / (0.2, 0.25, 0.5)).transpose(2, 0, 1)
    np.testing.assert_allclose(given[3][0].numpy(), expected, atol=1e-5)


def test_travelling_leaves_no_file_open(folder: Path) -> None:
    gc.collect()  # files that earlier tests left open are not ours
    before = len(os.listdir("/proc/self/fd"))
    loader = augfactory.loader(augfactory.load(str(folder), normalise=True), order="blocks")
    first = next(iter(loader))
    dataset = loader.dataset
    travelled = pickle.dumps(dataset)
    assert len(travelled) < 1500
    again = pickle.loads(travelled)
    assert again.statistics == dataset.statistics  # type: ignore[attr-defined]
    assert len(first[0]) == 64
    assert torch.equal(again[5][0], dataset[5][0])
    assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE) == 0
    del loader, dataset, again
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("order", [*ORDERS, "one-of-k"])
def test_a_loader_can_be_sent_to_another_process(folder: Path, order: Any) -> None:
    loader = augfactory.loader(str(folder), 32, order=order, seed=3)
    list(loader)
    sent = pickle.loads(pickle.dumps(loader))
    for (images, labels), (same_images, same_labels) in zip(loader, sent, strict=True):
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels)


def test_the_trainers_random_numbers_are_left_alone(folder: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    list(augfactory.loader(str(folder)))
    assert torch.equal(torch.rand(3), expected)


def test_png_versions_are_served_alike(folder: Path, tmp_path: Path) -> None:
    png = made(tmp_path, "png")
    for (images, labels), (same, same_labels) in zip(
        augfactory.loader(str(folder), order="blocks"),
        augfactory.loader(str(png), order="blocks"),
        strict=True,
    ):
        assert torch.equal(images, same)
        assert torch.equal(labels, same_labels)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"labels": "soff"}, "Did you mean 'soft'"),
        ({"images": "int8"}, "Did you mean 'uint8'"),
        ({"images": "uint8", "normalise": True}, "uint8 images cannot be normalised"),
        ({"normalise": ((0.5,), (0.5,))}, "do not fit 3 channels"),
        ({"normalise": ((0, 0, 0), (1, 0, 1))}, "above 0"),
    ],
)
def test_wrong_options_of_load_are_mended(folder: Path, options: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        augfactory.load(str(folder), **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"order": "round"}, "Did you mean 'rounds'"),
        ({"batch_size": 0}, "less than 1"),
        ({"rows": [ROWS]}, "not all in the version"),
        ({"rows": []}, "are none"),
        ({"shard": (2, 2)}, "is not a shard"),
    ],
)
def test_wrong_options_of_loader_are_mended(folder: Path, options: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        augfactory.loader(str(folder), **options)


def test_views_where_there_are_none_are_refused(folder: Path) -> None:
    dataset = augfactory.load(str(folder), views=True)
    with pytest.raises(RecipeError, match="no image among them has two views"):
        augfactory.loader(dataset, rows=[0, 1, 2])
    with pytest.raises(RecipeError, match="views do not come in order"):
        augfactory.loader(dataset, order="rounds")
    with pytest.raises(RecipeError, match="is not between 0 and 1"):
        dataset.held_out(1.5)
    with pytest.raises(RecipeError, match="is none"):
        dataset.held_out(0.01)
