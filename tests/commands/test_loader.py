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
from torch.utils.data import DataLoader

import augfactory
from augfactory.commands.expand import expand
from augfactory.commands.expand_request import ExpandRequest
from augfactory.commands.loading_epochs import BLOCK_ROWS, EpochBatches, block_order
from augfactory.commands.progress import Progress
from augfactory.commands.version_dataset import VersionDataset, channel_statistics
from augfactory.errors import RecipeError
from augfactory.pipeline.recipe import Format, mix_stage
from augfactory.records import Float32Array, SourceSpec
from augfactory.store.reader import open_version

ORIGINALS, FACTOR, COPIES, VIEWS = 12, 10, 2, 3
ROWS = ORIGINALS * (FACTOR + COPIES + VIEWS)
ORDERS = ("shuffled", "blocks", "rounds")


def made(place: Path, storage: Format) -> Path:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (ORIGINALS, 9, 14, 3), dtype=np.uint8)
    images[..., 1] //= 2  # channels that differ in mean and deviation
    np.savez(place / "set.npz", images=images, labels=np.arange(ORIGINALS) % 3)
    request = ExpandRequest(
        SourceSpec(str(place / "set.npz")),
        place / f"{storage}",
        (FACTOR,),
        mix=(
            mix_stage("test", "mixup", COPIES, "originals", {}),
            mix_stage("test", "augmix", VIEWS, "originals", {}),
        ),
        format=storage,
    )
    return expand(request, Progress())[0].path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("loader"), "hdf5")


def served(loader: DataLoader[Any]) -> list[list[int]]:
    """Return the rows of the epoch's batches, as the loader's sampler drew them."""
    sampler = loader.batch_sampler
    assert isinstance(sampler, EpochBatches)
    return [
        sampler.rows_of_epoch(sampler.epoch)[first : first + sampler.batch_size].tolist()
        for first in range(0, len(sampler.rows_of_epoch(sampler.epoch)), sampler.batch_size)
    ]


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

    for order, options in (("blocks", {}), ("shuffled", {"views": True})):
        alone, together = two_epochs(0, order, **options), two_epochs(2, order, **options)
        for (images, labels), (same_images, same_labels) in zip(alone, together, strict=True):
            assert torch.equal(images, same_images)
            assert torch.equal(labels, same_labels)


@pytest.mark.parametrize("order", [*ORDERS, "one-of-k"])
def test_epochs_and_seeds_differ_and_can_be_resumed(folder: Path, order: Any) -> None:
    def epochs(seed: int, first: int = 0) -> list[list[list[int]]]:
        loader = augfactory.loader(str(folder), 16, order=order, seed=seed)
        assert isinstance(loader.batch_sampler, EpochBatches)
        loader.batch_sampler.set_epoch(first)
        drawn = []
        for _ in range(2):
            drawn.append(served(loader))
            assert [len(labels) for _, labels in loader] == [len(rows) for rows in drawn[-1]]
        return drawn

    zero, one = epochs(0)
    assert zero != one
    assert epochs(1)[0] != zero
    assert epochs(0, first=1)[0] == one


@pytest.mark.parametrize("order", [*ORDERS, "views"])
def test_batches_do_not_depend_on_how_many_are_read_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, order: Any
) -> None:
    options: dict[str, Any] = {"views": True} if order == "views" else {}
    epochs = []
    for batches in (0, 3, 1000):
        monkeypatch.setattr("augfactory.commands.loading.READ_AT_ONCE", batches * 7 * 9 * 14 * 3)
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
    monkeypatch.setattr("augfactory.commands.loading.HELD_BYTES", held_bytes)
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


@pytest.mark.parametrize("batch", [7, 16])
def test_parts_share_out_the_batches_of_an_epoch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("augfactory.commands.loading.READ_AT_ONCE", 2 * batch * 9 * 14 * 3)
    whole = list(augfactory.loader(str(folder), batch))
    parts = [augfactory.loader(str(folder), batch, part=(which, 3)) for which in range(3)]
    assert [len(part) for part in parts] == [len(whole) // 3] * 3
    for number, batches in enumerate(zip(*parts, strict=True)):
        for which, (images, labels) in enumerate(batches):
            assert torch.equal(images, whole[3 * number + which][0])
            assert torch.equal(labels, whole[3 * number + which][1])


def test_rounds_are_served_in_order(folder: Path) -> None:
    rounds = open_version(folder).rounds
    rows = list(itertools.chain(*served(augfactory.loader(str(folder), 7, order="rounds"))))
    assert (np.diff(rounds[rows]) >= 0).all()
    assert rounds.max() > 1


def test_one_of_k_serves_one_row_of_each_original(folder: Path) -> None:
    origin = open_version(folder).source_index[:, 0]
    loader = augfactory.loader(str(folder), 5, order="one-of-k")
    drawn = []
    for _ in range(20):
        rows = list(itertools.chain(*served(loader)))
        assert sorted(origin[rows].tolist()) == list(range(ORIGINALS))
        assert sum(len(labels) for _, labels in loader) == ORIGINALS
        drawn += rows
    assert len(set(drawn)) > 4 * ORIGINALS


def test_block_order_needs_few_blocks_at_a_time() -> None:
    rows = np.delete(np.arange(50 * BLOCK_ROWS), [3, 700])
    order = block_order(rows, window=4, seed=0, epoch=0)
    assert sorted(order.tolist()) == rows.tolist()
    block = order // BLOCK_ROWS
    first_seen = [int(np.flatnonzero(block == number)[0]) for number in range(50)]
    last_seen = [int(np.flatnonzero(block == number)[-1]) for number in range(50)]
    assert max(b - a for a, b in zip(first_seen, last_seen, strict=True)) < 4 * BLOCK_ROWS
    assert len(set(block[: 4 * BLOCK_ROWS].tolist())) == 4
    assert (np.diff(order) != 1).mean() > 0.9


@pytest.mark.parametrize(("block", "batch"), [(BLOCK_ROWS, 8), (8, 3), (4, 3), (4, 8)])
def test_blocks_are_read_whole_and_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, block: int, batch: int
) -> None:
    monkeypatch.setattr("augfactory.commands.loading.READ_AT_ONCE", 3 * batch * 9 * 14 * 3)
    for module in ("loading_epochs", "version_loader"):
        monkeypatch.setattr(f"augfactory.commands.{module}.BLOCK_ROWS", block)
    loader = augfactory.loader(str(folder), batch, order="blocks", window=2)
    dataset = loader.dataset
    assert isinstance(dataset, VersionDataset)
    read: list[list[int]] = []
    real = dataset.version.source.read_images

    def counted(rows: Any) -> Any:
        read.append(rows.tolist())
        return real(rows)

    object.__setattr__(dataset.version.source, "read_images", counted)
    assert len(list(loader)) == len(loader)
    whole = [list(range(first, min(first + block, ROWS))) for first in range(0, ROWS, block)]
    assert sorted(read) == whole


def test_views_belong_to_their_clean_image(folder: Path) -> None:
    version = open_version(folder)
    pixels, soft_labels = _all(version), version.source.read_soft_labels(np.arange(ROWS))
    dataset = augfactory.load(str(folder), views=True)
    assert len(dataset) == ORIGINALS
    loader = augfactory.loader(dataset, 5, seed=1, rows=np.delete(np.arange(ROWS), 4))
    pairs = set()
    for _ in range(3):
        triples = np.array(list(itertools.chain(*served(loader))))
        assert sorted(triples[:, 0].tolist()) == [0, 1, 2, 3, *range(5, ORIGINALS)]
        assert (version.methods[triples[:, 0]] == "original").all()
        assert (version.methods[triples[:, 1:]] == "augmix").all()
        assert (triples[:, 1] != triples[:, 2]).all()
        origin = version.source_index[triples, 0]
        assert (origin == origin[:, :1]).all()
        pairs |= {tuple(triple) for triple in triples.tolist()}
        images, labels = (torch.cat(parts) for parts in zip(*loader, strict=True))
        assert images.shape == (ORIGINALS - 1, 3, 3, 9, 14)
        stored = pixels[triples].transpose(0, 1, 4, 2, 3)
        assert np.array_equal(np.rint(images.numpy() * 255), stored)
        assert np.array_equal(labels.numpy(), soft_labels[triples[:, 0]])
    assert len(pairs) > ORIGINALS
    assert torch.equal(dataset[-1][0], dataset[ORIGINALS - 1][0])
    assert np.array_equal(np.rint(dataset[2][0][0].numpy() * 255), pixels[2].transpose(2, 0, 1))


def roots_by_hand(folder: Path, row: int) -> set[int]:
    """Follow a row through its parents, from version to version, to numbers of the first source."""
    version = open_version(folder)
    parents = version.source_index[row][version.source_index[row] >= 0].tolist()
    rows = [version.manifest.source.rows[parent] for parent in parents]
    before = Path(version.manifest.source.text)
    if not (before / "manifest.json").is_file():
        return set(rows)
    return set().union(*(roots_by_hand(before, parent) for parent in rows))


def test_held_out_images_are_in_no_row_of_a_set_made_of_a_made_set(
    folder: Path, tmp_path: Path
) -> None:
    mixes = (mix_stage("test", "mixup", 1, "expanded", {}),)
    for number, n_train in enumerate((100, 40)):
        spec = SourceSpec(str(folder))
        request = ExpandRequest(spec, tmp_path / f"{number}", (2,), n_train=n_train, mix=mixes)
        folder = expand(request, Progress())[0].path
    version = open_version(folder)
    train, test = augfactory.load(str(folder)).held_out(0.7, seed=1)
    roots = [roots_by_hand(folder, row) for row in range(len(version.source))]
    held = set().union(*(roots[row] for row in test))
    assert len(test) == len(held) > 2
    assert (version.methods[test] == "original").all()
    assert len(train)
    for row, own in enumerate(roots):
        assert (row in train) == (not own & held)
    assert version.manifest.source.originals == len(set().union(*roots))


def test_held_out_takes_the_share_of_all_and_of_each_class(folder: Path) -> None:
    # 4 originals of each of 3 classes.
    labels = open_version(folder).source.labels
    for share, total in ((0.25, 3), (0.375, 4), (0.9, 11)):
        _, test = augfactory.load(str(folder)).held_out(share)
        assert len(test) == total
        counts = np.bincount(labels[test], minlength=3)
        assert counts.max() - counts.min() <= 1


def _all(version: Any) -> Any:
    return version.source.read_images(np.arange(len(version.source)))


def test_hard_labels_and_stored_pixels(folder: Path) -> None:
    soft = open_version(folder).source.read_soft_labels(np.arange(ROWS))
    dataset = augfactory.load(str(folder), labels="hard", images="uint8")
    items = dataset.__getitems__(range(ROWS))
    assert [int(label) for _, label in items] == soft.argmax(axis=1).tolist()
    image, label = items[7]
    assert (image.dtype, image.shape, label.dtype) == (torch.uint8, (3, 9, 14), torch.int64)
    assert np.array_equal(image.permute(1, 2, 0), _all(open_version(folder))[7])


def test_normalised_values_are_those_of_numpy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augfactory.commands.version_dataset.READ_BYTES", 9 * 14 * 3 * 7)  # in 7s
    pixels = _all(open_version(folder)).astype(np.float64) / 255
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


def test_held_out_images_are_in_no_training_row(folder: Path) -> None:
    version = open_version(folder)
    train, test = augfactory.load(str(folder)).held_out(0.25, seed=4)
    assert (version.methods[test] == "original").all()
    assert sorted(version.source.labels[test].tolist()) == [0, 1, 2]
    held = set(version.source_index[test, 0].tolist())
    for row in range(ROWS):
        clean = not held & set(version.source_index[row].tolist())
        assert (row in train) == clean
    loader = augfactory.loader(str(folder), 16, rows=train, drop_last=True)
    assert len(loader) == len(train) // 16
    assert set(itertools.chain(*served(loader))) == set(train.tolist())
    assert [len(labels) for _, labels in loader] == [16] * len(loader)


def test_travelling_leaves_no_file_open(folder: Path) -> None:
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
        ({"part": (2, 2)}, "is no part"),
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
