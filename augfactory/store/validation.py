"""The validation images of a version: originals, written beside the training rows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augfactory.errors import InputDataError, one_of
from augfactory.records import Int64Array, Rows, Source
from augfactory.store.disk.atomic import make_folders, write_many
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.storage_format import FinishedShard, Shard
from augfactory.store.manifest import Manifest, content_hash, row_digests
from augfactory.store.splits import TRAIN, VAL


@dataclass(frozen=True)
class WrittenValidation:
    """What was written: shards with their files, the content hash, and class name -> images."""

    shards: list[FinishedShard]
    content_hash: str
    counts: dict[str, int]

    @property
    def paths(self) -> list[str]:
        """The files, but for those that ``finish`` writes."""
        return [path for shard in self.shards for path in shard.paths]


def write_validation(
    building: Path, storage: str, source: Source, at_once: int, state: Path, parents: int
) -> WrittenValidation:
    """Write the images of ``source`` as the split val, ``at_once`` rows in a shard.

    Parts of tables are left in ``state``, for the format to join. ``parents`` are those of a
    training row: readers of others want both splits to have columns of one width.

    Raises:
        ResourceError: the disk is full.
        InputDataError: an image cannot be read.
    """
    count = -(-len(source) // at_once)
    shards, digests = [], []
    for index in range(count):
        first = index * at_once
        numbers = np.arange(first, min(first + at_once, len(source)))
        rows = originals(source, numbers, parents)
        shard = Shard(index, count, first, source.class_names, VAL)
        encoded = FORMATS[storage].encode(shard, rows)
        make_folders(sorted({(building / path).parent for path in encoded.files}))
        write_many(building, list(encoded.files.items()))
        table = state / f"val-{index:05d}.rows.parquet"
        if encoded.table is not None:
            write_many(state, [(table.name, encoded.table)])
        shards.append(FinishedShard(len(rows), tuple(encoded.files), table))
        digests.append(row_digests(rows))
    labels = np.bincount(source.labels, minlength=len(source.class_names)).tolist()
    hashed = content_hash(source.image_shape, list(source.class_names), digests)
    counts = {name: n for name, n in zip(source.class_names, labels, strict=True) if n}
    return WrittenValidation(shards, hashed, counts)


def of_split(manifest: Manifest, split: str) -> Manifest:
    """Return what holds of a split of the version.

    Raises:
        InputDataError: it has no validation images, and "val" is asked for.
        RecipeError: there is no such split.
    """
    one_of("split", "split", split, (TRAIN, VAL))
    if split == TRAIN:
        return manifest
    if manifest.validation is None:
        raise InputDataError(
            manifest.address,
            "it has no validation images",
            "Expand with --validation 0.2, or hold some out with "
            "`augfactory.load(...).held_out(0.2)`, which costs the rows that they were mixed into.",
        )
    return manifest.of_validation()


def originals(source: Source, numbers: Int64Array, parents: int = 1) -> Rows:
    """Return rows of ``source`` as a dataset holds originals, with room for ``parents`` each."""
    count = len(numbers)
    source_index = np.full((count, parents), -1, dtype=np.int64)
    weight = np.zeros((count, parents), dtype=np.float32)
    source_index[:, 0], weight[:, 0] = numbers, 1
    return Rows(
        image=source.read_images(numbers),
        soft_label=source.read_soft_labels(numbers),
        method=np.full(count, "original"),
        round=np.zeros(count, dtype=np.int32),
        view=np.zeros(count, dtype=np.int32),
        source_index=source_index,
        weight=weight,
    )
