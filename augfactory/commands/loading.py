"""`augfactory.load`: a dataset version as a map-style dataset for any PyTorch trainer."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from augfactory.keyed_random import generator
from augfactory.records import Int64Array
from augfactory.store.manifest import Manifest, read_manifest
from augfactory.store.reader import Version, open_version
from augfactory.store.versions import find_version


class VersionDataset(Dataset[tuple[Tensor, Tensor]]):
    """One dataset version; items are (image float32 [C, H, W] in [0, 1], soft label float32 [K]).

    Small enough to pickle: a worker process opens the files itself when it reads its first row.
    Batches are read at once where the loader asks for them at once, as PyTorch's does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    @cached_property
    def version(self) -> Version:
        """The opened version: manifest, methods, rounds, provenance."""
        return open_version(self.folder)

    @cached_property
    def manifest(self) -> Manifest:
        """What manifest.json says."""
        return read_manifest(self.folder)

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __len__(self) -> int:
        return self.manifest.rows

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([row])[0]

    def __getitems__(self, rows: list[int]) -> list[tuple[Tensor, Tensor]]:
        """Read many rows at once."""
        which = np.asarray(rows, dtype=np.int64)
        if len(which) and not (-len(self) <= which.min() and which.max() < len(self)):
            raise IndexError(f"rows go from 0 to {len(self) - 1}")
        which = which % max(1, len(self))
        images = torch.from_numpy(self.version.source.read_images(which))
        labels = torch.from_numpy(self.version.source.read_soft_labels(which))
        shown = images.permute(0, 3, 1, 2).to(torch.float32) / 255
        return list(zip(shown, labels, strict=True))

    def rows_in_round_order(self, seed: int) -> Int64Array:
        """Return all rows, round after round, shuffled within each: int64 [N].

        Given to a loader as its sampler, it serves the rounds as epochs, so that what a method
        schedules over rounds (RICAP's beta) comes in that order: ``DataLoader(dataset,
        sampler=dataset.rows_in_round_order(seed=0).tolist(), batch_size=64)``.
        """
        rounds = self.version.rounds
        shuffled = generator(seed, "round order").permutation(len(rounds))
        ordered: Int64Array = shuffled[np.argsort(rounds[shuffled], kind="stable")]
        return ordered


def load(name: str) -> VersionDataset:
    """Open the version that ``NAME``, ``NAME@vN`` or a path names.

    Raises:
        InputDataError: there is no such dataset or version.
    """
    return VersionDataset(find_version(name))
