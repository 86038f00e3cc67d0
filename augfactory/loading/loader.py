"""The DataLoader of `augfactory.loader`: whole batches, of small images several at once."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader

from augfactory.loading.dataset import Item, VersionDataset, described
from augfactory.loading.epochs import EpochBatches, RowKey
from augfactory.records import BLOCK_ROWS, Int64Array, UInt8Array

# Bytes of pixels. Batches that are read at once share what a batch costs beside its pixels; beyond
# the processor's cache they would slow each other down. See benchmarks/reading.py.
READ_AT_ONCE = 2**20
HELD_BYTES = 2**28  # of pixels that a process keeps without being told to


class VersionLoader(DataLoader[Item]):
    """A DataLoader that reads several batches of small images at once, and serves batches."""

    batch_sampler: EpochBatches
    dataset: "ServedVersion"

    def __repr__(self) -> str:
        served = described(self.dataset.manifest, self.batch_sampler.rows_in_epoch)
        return f"VersionLoader({served}, batches={len(self)})"

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[Item]:  # type: ignore[override]
        size = self.batch_sampler.batch_size
        for images, labels in super().__iter__():
            yield from zip(images.split(size), labels.split(size), strict=True)


class ServedVersion(VersionDataset):
    """A version that hands out the rows asked for as one item, images and labels in one piece.

    Args:
        dataset: what to serve, and how it is shown.
        in_memory: keep the pixels of every row that was read.
        kept_blocks: where above 0, read whole blocks of neighbouring rows, and keep so many.
    """

    def __init__(self, dataset: VersionDataset, *, in_memory: bool, kept_blocks: int) -> None:
        self.__dict__.update(vars(dataset))
        self.in_memory = in_memory
        self.kept_blocks = kept_blocks

    def __getitems__(self, rows: Sequence[RowKey]) -> list[Item]:
        return [self.read_batch(rows)]

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_kept", "_blocks")
        return {name: value for name, value in super().__getstate__().items() if name not in kept}

    def _read_images(self, rows: Int64Array) -> UInt8Array:
        if self.in_memory:
            return self._read_once(rows)
        return self._read_by_block(rows) if self.kept_blocks else super()._read_images(rows)

    @cached_property
    def _kept(self) -> tuple[UInt8Array, npt.NDArray[np.bool_]]:
        """The pixels of all rows, and which of them were read."""
        count = self.manifest.rows
        images: UInt8Array = np.empty((count, *self.manifest.image_shape), dtype=np.uint8)
        return images, np.zeros(count, dtype=np.bool_)

    def _read_once(self, rows: Int64Array) -> UInt8Array:
        images, known = self._kept
        missing = rows[~known[rows]]
        if len(missing):
            images[missing] = super()._read_images(missing)
            known[missing] = True
        return images[rows]

    @cached_property
    def _blocks(self) -> OrderedDict[int, UInt8Array]:
        return OrderedDict()

    def _read_by_block(self, rows: Int64Array) -> UInt8Array:
        images = np.empty((len(rows), *self.manifest.image_shape), dtype=np.uint8)
        block_of_row = rows // BLOCK_ROWS
        for block in dict.fromkeys(block_of_row.tolist()):  # in the order served, window by window
            here = block_of_row == block
            images[here] = self._block(block)[rows[here] - block * BLOCK_ROWS]
        return images

    def _block(self, block: int) -> UInt8Array:
        if block not in self._blocks:
            end = min((block + 1) * BLOCK_ROWS, self.manifest.rows)
            self._blocks[block] = super()._read_images(np.arange(block * BLOCK_ROWS, end))
            if len(self._blocks) > self.kept_blocks:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(block)
        return self._blocks[block]


def as_it_is(items: list[Item]) -> Item:
    """Collate what ``ServedVersion`` hands out."""
    return items[0]
