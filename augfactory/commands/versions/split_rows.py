"""The rows of a version's splits, named after the images they were made from."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import numpy.typing as npt

from augfactory.arrays.drawn_labels import drawn_labels
from augfactory.commands.opening.opening import spec_of
from augfactory.commands.progress import Progress
from augfactory.errors import AugfactoryError
from augfactory.keyed_random import generator
from augfactory.records import BLOCK_ROWS, Int64Array, Rows, Source, SourceSpec
from augfactory.source_rows import SourceRows
from augfactory.sources.opening import open_source
from augfactory.sources.recorded import open_rows
from augfactory.sources.unlabelled import open_unlabelled
from augfactory.store.by_shard import rows_at_once
from augfactory.store.layouts.trainer_layout import NamedRows, Split
from augfactory.store.reader import Version, read_rows

Labels = Literal["largest", "sampled"]
LONGEST_STEM = 60  # letters of an image's own name that its rows keep
OnRows = Callable[[int], None]
Opener = Callable[[SourceSpec], Source]


def split_of_version(
    version: Version,
    labels: Labels,
    seed: int,
    progress: Progress,
    on_rows: OnRows,
    without: Int64Array | None = None,
) -> Split:
    """Return the rows of ``version`` but those ``without`` as a split.

    ``on_rows`` is told how many were read.
    """
    stems = _stems(version, progress)
    largest = version.weight.argmax(axis=1)
    parent = version.source_index[np.arange(len(largest)), largest]

    def read(start: int, stop: int) -> tuple[Rows, list[str]]:
        rows = read_rows(version, start, stop)
        names = [
            f"{stems[origin]}-{method}-{row:08d}"
            for row, origin, method in zip(
                range(start, stop), parent[start:stop].tolist(), rows.method.tolist(), strict=True
            )
        ]
        return rows, names

    return _split(version.source, labels, seed, read, on_rows, without)


def split_to_validate_on(
    source: Source, parents: int, on_rows: OnRows, stems: Sequence[str] | None = None
) -> Split:
    """Return all rows of a source as a split; each keeps its label.

    ``stems`` are what the images were called before they were stored; None takes their names. None
    is among the source rows of a version, so that ``source_index``, as long as ``parents``, is
    unused.
    """

    def read(start: int, stop: int) -> tuple[Rows, list[str]]:
        numbers = np.arange(start, stop)
        rows = Rows(
            image=source.read_images(numbers),
            soft_label=source.read_soft_labels(numbers),
            method=np.full(len(numbers), "original"),
            round=np.zeros(len(numbers), dtype=np.int32),
            view=np.zeros(len(numbers), dtype=np.int32),
            source_index=np.full((len(numbers), parents), -1, dtype=np.int64),
            weight=np.zeros((len(numbers), parents), dtype=np.float32),
        )
        names = [
            f"{_stem(source.row_name(row)) if stems is None else stems[row]}-validation-{row:08d}"
            for row in numbers.tolist()
        ]
        return rows, names

    return _split(source, "largest", 0, read, on_rows)


def hard_labels(source: Source, labels: Labels, seed: int) -> Int64Array:
    """Return the hard label of every row of ``source``: int64 [N].

    Those that are ``sampled`` depend on the seed, the row's number and its shares, on nothing else.
    """
    if labels == "largest":
        return source.labels
    drawn = np.empty(len(source), dtype=np.int64)
    for rows in source.blocks(BLOCK_ROWS):
        uniform: npt.NDArray[np.float64]
        uniform = generator(seed, "hard labels", int(rows[0]) // BLOCK_ROWS).random(BLOCK_ROWS)
        drawn[rows] = drawn_labels(source.read_soft_labels(rows), uniform[: len(rows)])
    return drawn


def mixed_rows(source: Source) -> int:
    """Return how many rows have shares of more than one class."""
    shares = map(source.read_soft_labels, source.blocks())
    return sum(int(((own > 0).sum(axis=1) > 1).sum()) for own in shares)


def _split(
    source: Source,
    labels: Labels,
    seed: int,
    read: Callable[[int, int], tuple[Rows, list[str]]],
    on_rows: OnRows,
    without: Int64Array | None = None,
) -> Split:
    at_once = rows_at_once(source.image_shape, len(source.class_names))
    kept = np.arange(len(source))
    if without is not None:
        kept = np.delete(kept, without)
    starts = range(0, len(kept), at_once)
    label = hard_labels(source, labels, seed)

    def parts() -> Iterator[NamedRows]:
        for start in starts:
            own = kept[start : start + at_once]
            first = int(own[0])
            rows, names = read(first, int(own[-1]) + 1)
            inside = own - first
            chosen = Rows(**{name: values[inside] for name, values in vars(rows).items()})
            yield NamedRows(start, chosen, label[own], tuple(names[place] for place in inside))
            on_rows(len(own))

    return Split(len(kept), len(starts), parts)


def stems_of(entry: SourceRows, folder: Path, progress: Progress, opener: Opener) -> list[str]:
    """Return what the images that a version in ``folder`` recorded are called.

    Where they cannot be found any more they go by their numbers, which is said.
    """
    try:
        _, chosen = open_rows(entry, spec=spec_of(entry, folder), opener=opener)
        return [_stem(chosen.row_name(row)) for row in range(len(chosen))]
    except AugfactoryError as error:
        progress.say(
            f"the images of {entry.title} are not where they were ({error.what}): "
            "files go by their numbers instead of by their names"
        )
        return [f"image-{number:06d}" for number in entry.rows]


def _stems(version: Version, progress: Progress) -> Sequence[str]:
    """Return what the images of ``source_index`` are called, unlabelled ones after the others."""
    manifest, folder = version.manifest, version.folder
    stems = stems_of(manifest.source, folder, progress, open_source)
    if manifest.unlabelled is not None:
        stems += stems_of(manifest.unlabelled, folder, progress, open_unlabelled)
    return stems


def _stem(row_name: str) -> str:
    """Return the beginning of a file's name that tells an image: "cats/a b.jpg" is "a b".

    Letters of every language stay; what a shell or another system could trip over becomes "_".
    """
    path = PurePosixPath(row_name)
    whole = path.stem if re.fullmatch(r"\.\w{1,5}", path.suffix) else path.name
    kept = re.sub(r"[^\w .()+-]|^[. -]+", "_", whole).strip()[:LONGEST_STEM]
    return kept.encode()[: 2 * LONGEST_STEM].decode(errors="ignore") or "image"
