"""`augfactory.load` feeds PyTorch's own loader, from worker processes too, in round order."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

import augfactory
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec
from augfactory.store.reader import open_version


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("loading")
    images = np.random.default_rng(3).integers(0, 256, (10, 9, 14, 3), dtype=np.uint8)
    np.savez(place / "set.npz", images=images, labels=np.arange(10) % 3)
    ramp = {"ramp_start": 1, "ramp_end": 4}
    request = ExpandRequest(
        SourceSpec(str(place / "set.npz")),
        place / "d",
        (2,),
        mix=(mix_stage("test", "ricap", 6, "originals", ramp),),
    )
    return expand(request, Progress())[0].path


@pytest.mark.parametrize("workers", [0, 1])
def test_torch_loader_serves_what_is_stored(folder: Path, workers: int) -> None:
    dataset = augfactory.load(str(folder))
    assert isinstance(dataset, Dataset)
    assert len(dataset) == 80
    source = open_version(folder).source
    loader = DataLoader(
        dataset,
        batch_size=32,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
    )
    seen = 0
    for images, labels in loader:
        rows = np.arange(seen, seen + len(images))
        stored = source.read_images(rows).transpose(0, 3, 1, 2)
        assert np.array_equal(np.rint(images.numpy() * 255), stored)
        assert np.array_equal(labels.numpy(), source.read_soft_labels(rows))
        seen += len(images)
    assert seen == 80


def test_it_travels_small_and_works_after_the_journey(folder: Path) -> None:
    dataset = augfactory.load(str(folder))
    first = dataset[79]
    travelled = pickle.dumps(dataset)
    assert len(travelled) < 1000
    assert np.array_equal(pickle.loads(travelled)[79][0].numpy(), first[0].numpy())
    assert np.array_equal(dataset[-1][0].numpy(), first[0].numpy())
    with pytest.raises(IndexError):
        dataset[80]


def test_rounds_come_in_order_and_shuffled_within(folder: Path) -> None:
    dataset = augfactory.load(str(folder))
    rows = dataset.rows_in_round_order(seed=0)
    assert sorted(rows.tolist()) == list(range(80))
    rounds = dataset.version.rounds[rows]
    assert (np.diff(rounds) >= 0).all()
    assert rounds.max() == 5
    first_round = rows[rounds == 0]
    assert first_round.tolist() != sorted(first_round.tolist())
    assert dataset.rows_in_round_order(seed=1).tolist() != rows.tolist()


def test_unknown_names_are_answered() -> None:
    with pytest.raises(InputDataError, match="no dataset of this name"):
        augfactory.load("nothing-here")
