"""A small version with mixed rows and views, and what a loader is to serve of it, for tests."""

from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.loading.epochs import EpochBatches
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec

ORIGINALS, FACTOR, COPIES, VIEWS = 12, 10, 2, 3
ROWS = ORIGINALS * (FACTOR + COPIES + VIEWS)
ORDERS = ("shuffled", "blocks", "rounds")


def made(place: Path, storage: str) -> Path:
    """Expand a small colour set in this storage format."""
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


def served(loader: DataLoader[Any]) -> list[list[int]]:
    """Return the rows of the epoch's batches, as the loader's sampler drew them."""
    sampler = loader.batch_sampler
    assert isinstance(sampler, EpochBatches)
    return [
        sampler.rows_of_epoch(sampler.epoch)[first : first + sampler.batch_size].tolist()
        for first in range(0, len(sampler.rows_of_epoch(sampler.epoch)), sampler.batch_size)
    ]


def all_images(version: Any) -> Any:
    """Return the pixels of all rows."""
    return version.source.read_images(np.arange(len(version.source)))
