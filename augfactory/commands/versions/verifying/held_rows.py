"""Go over the rows of a version once, in memory that does not grow with them, and sum them up."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augfactory.commands.progress import Bar
from augfactory.store.by_shard import read_in_order, read_parts
from augfactory.store.disk.scratch import scratch_folder
from augfactory.store.manifest import Manifest, content_hash, row_digests
from augfactory.store.repeats import LEAST_RUN
from augfactory.store.shards import count_rows
from augfactory.store.statistics import Counts, Statistics, Tally, Totals, sums_of

SUM_TOLERANCE = 1e-5  # of 1, for up to a thousand shares in float32


@dataclass(frozen=True)
class HeldRows:
    """What was found of the rows: a few figures, and little of a row.

    Attributes:
        problems: what is wrong with labels.
        content_hash, counts, statistics: as a manifest has them.
        originals: V32 [n], the digests of the rows that are originals.
        labels: uint16 [N], where draws were rejected; else None.
    """

    problems: list[str]
    content_hash: str
    counts: Counts
    statistics: Statistics
    originals: npt.NDArray[np.void]
    labels: npt.NDArray[np.uint16] | None


def hold_rows(folder: Path, manifest: Manifest, bar: Bar) -> HeldRows:
    """Read every training row of the version in ``folder``, and hold its label to its shares.

    Raises:
        VerificationError: a file cannot be read, or holds other columns than it should.
        ResourceError: there is no room in the folder of TMPDIR, which 8 bytes a row need.
    """
    # All columns first: what is no row is told before any pixel is read.
    shard_rows = [len(part["label"]) for part in read_parts(folder, manifest)]
    with _room(manifest.rows) as room:
        totals = Totals(manifest.rows, room)
        return _summed(folder, manifest, shard_rows, totals, bar)


def _summed(
    folder: Path, manifest: Manifest, shard_rows: list[int], totals: Totals, bar: Bar
) -> HeldRows:
    problems: list[str] = []
    counts, originals, labels = Tally(), [np.empty(0, "V32")], [np.empty(0, np.uint16)]
    tolerance = SUM_TOLERANCE * max(1, len(manifest.class_names) / 1000)

    def digests_in_order() -> Iterator[bytes]:
        for first, rows, stored in read_in_order(folder, manifest, shard_rows):
            digests = row_digests(rows)
            totals.add(sums_of(rows), digests)
            counts.add(count_rows(rows.method, stored, manifest.class_names))
            original = np.frombuffer(digests, "V32")[rows.method == "original"]
            originals.append(original)
            if manifest.rejected is not None:
                labels.append(stored.astype(np.uint16))
            wrong = np.flatnonzero(
                (np.abs(rows.soft_label.sum(axis=1) - 1) > tolerance)
                | (rows.soft_label < 0).any(axis=1)
                | (stored != rows.label)
            )
            problems.extend(
                f"row {first + row}: its label is not one" for row in wrong[:3].tolist()
            )
            bar.advance(len(rows))
            yield digests

    hashed = content_hash(manifest.image_shape, manifest.class_names, digests_in_order())
    return HeldRows(
        problems,
        hashed,
        counts.in_order(),
        totals.statistics(),
        np.concatenate(originals),
        None if manifest.rejected is None else np.concatenate(labels),
    )


def _room(rows: int) -> contextlib.AbstractContextManager[Path]:
    """Give a folder for what does not fit into memory; few rows need none."""
    if rows > LEAST_RUN:
        return scratch_folder("verify")
    return contextlib.nullcontext(Path())
