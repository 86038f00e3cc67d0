"""Which rows an epoch of `augfactory.loader` serves, in which batches."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import augfactory
from augfactory.errors import RecipeError
from augfactory.loading.dataset import VersionDataset
from augfactory.loading.epochs import EpochBatches, balanced_order, block_order
from augfactory.records import BLOCK_ROWS
from augfactory.store.reader import open_version
from tests.commands.loaded import ORDERS, ORIGINALS, ROWS, all_images, made, served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("loader"), "hdf5")


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
    monkeypatch.setattr("augfactory.loading.load.READ_AT_ONCE", 3 * batch * 9 * 14 * 3)
    for module in ("epochs", "loader"):
        monkeypatch.setattr(f"augfactory.loading.{module}.BLOCK_ROWS", block)
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
    pixels, soft_labels = all_images(version), version.source.read_soft_labels(np.arange(ROWS))
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


@pytest.mark.parametrize("batch", [7, 16])
def test_parts_share_out_the_batches_of_an_epoch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("augfactory.loading.load.READ_AT_ONCE", 2 * batch * 9 * 14 * 3)
    whole = list(augfactory.loader(str(folder), batch))
    parts = [augfactory.loader(str(folder), batch, shard=(which, 3)) for which in range(3)]
    assert [len(part) for part in parts] == [len(whole) // 3] * 3
    for number, batches in enumerate(zip(*parts, strict=True)):
        for which, (images, labels) in enumerate(batches):
            assert torch.equal(images, whole[3 * number + which][0])
            assert torch.equal(labels, whole[3 * number + which][1])


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


def test_balanced_classes_come_equally_often_and_all_rows_in_time() -> None:
    labels = np.repeat([0, 1, 2], (60, 20, 6))
    shown = np.zeros(len(labels), dtype=np.int64)
    for epoch in range(30):
        order = balanced_order(labels, 3, epoch)
        assert len(order) == len(labels)
        counts = np.bincount(labels[order], minlength=3)
        assert counts.min() >= 28
        assert counts.max() <= 29
        assert np.bincount(order[labels[order] == 0]).max() <= 1 + (epoch > 0)
        shown += np.bincount(order, minlength=len(labels))
    for label in range(3):
        own = shown[labels == label]
        assert own.max() - own.min() <= 2 + 30 // len(own)
    assert not np.array_equal(balanced_order(labels, 3, 0), balanced_order(labels, 4, 0))


def test_the_loader_balances_the_rows_it_is_given(folder: Path) -> None:
    labels = open_version(folder).source.labels
    rows = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:3]])
    loader = augfactory.loader(str(folder), 5, rows=rows, balanced=True)
    found = np.concatenate([np.asarray(batch) for batch in served(loader)]).astype(np.int64)
    assert len(found) == len(rows)
    assert set(found.tolist()) <= set(rows.tolist())
    assert abs(int((labels[found] == 0).sum()) - int((labels[found] == 1).sum())) <= 1
    with pytest.raises(RecipeError, match="comes in the order 'shuffled'"):
        augfactory.loader(str(folder), 5, order="rounds", balanced=True)
