"""Which rows a contact sheet shows, found shard by shard: memory does not grow with the rows."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augfactory.pipeline.plan import UNLABELLED
from augfactory.records import Int64Array
from augfactory.store.by_shard import count_sources, read_parents_of, read_parts
from augfactory.store.manifest import Manifest
from augfactory.store.tables import Columns

MADE_PER_LINE = 12
LINES_PER_METHOD = 3
SINGLE = ("original", "geometry", "vae")


@dataclass(frozen=True)
class LineRows:
    """A line of a sheet: the rows of what there was, and of what was made from it."""

    left: list[int]
    right: list[int]
    method: str | None = None


@dataclass(frozen=True)
class Found:
    """What was found of the rows of a version.

    Attributes:
        labels: int64 [S], the label of each source image's first row that is made of it alone; -1
            where it has none.
        made: int64 [S], how many rows but the original are made of it alone.
        originals: int64 [n, 2], (source image, row) of every original.
        methods: method -> rows.
        parents: P of ``source_index``.
    """

    labels: Int64Array
    made: Int64Array
    originals: Int64Array
    methods: Counter[str]
    parents: int


def chosen_rows(folder: Path, manifest: Manifest, sources: int) -> list[LineRows]:
    """Choose lines of ``sources`` source images, spread over the classes, and of the mixed rows.

    Raises:
        VerificationError: the files cannot be read.
    """
    found = _find(folder, manifest)
    methods = [name for name in manifest.counts if name in found.methods and name not in SINGLE]
    methods.sort(key=lambda name: name == UNLABELLED)
    single, each = _chosen_sources(found, sources), LINES_PER_METHOD
    if methods and not any(found.made[source] for source in single):
        single, each = [], max(each, sources // len(methods))
    ranks: dict[int | str, Int64Array] = {
        source: _spread(int(found.made[source]), MADE_PER_LINE) for source in single
    }
    for method in methods:
        most = each * MADE_PER_LINE if method == UNLABELLED else each
        ranks[method] = _spread(found.methods[method], most)
    rows, index = _rows_of_rank(folder, manifest, ranks)
    lines = [
        LineRows(found.originals[found.originals[:, 0] == source, 1].tolist(), rows[source])
        for source in single
    ]
    mixed = [(method, row) for method in methods if method != UNLABELLED for row in rows[method]]
    numbers = np.unique(np.array([row for _, row in mixed], dtype=np.int64))
    parents = (
        dict(
            zip(
                numbers.tolist(),
                read_parents_of(folder, manifest, numbers, found.parents),
                strict=True,
            )
        )
        if mixed
        else {}
    )
    row_of = dict(found.originals.tolist()) if mixed else {}
    for method, row in mixed:
        known = parents[row][parents[row] >= 0].tolist()
        lines.append(
            LineRows(known or [row_of[s] for s in index[row] if s in row_of], [row], method)
        )
    shown = rows.get(UNLABELLED, [])
    starts = range(0, len(shown), MADE_PER_LINE)
    return [
        *lines,
        *(LineRows([], shown[start : start + MADE_PER_LINE], UNLABELLED) for start in starts),
    ]


def _find(folder: Path, manifest: Manifest) -> Found:
    count, methods = count_sources(manifest), Counter[str]()
    labels, made = np.full(count, -1, dtype=np.int64), np.zeros(count, dtype=np.int64)
    originals, parents = [np.empty((0, 2), dtype=np.int64)], 1
    for first, part in _numbered(folder, manifest):
        names, counts = np.unique(part["method"], return_counts=True)
        methods.update(dict(zip(names.tolist(), counts.tolist(), strict=True)))
        source, parents = part["source_index"][:, 0], part["source_index"].shape[1]
        single = np.flatnonzero(np.isin(part["method"], SINGLE) & (source >= 0))
        seen, at = np.unique(source[single], return_index=True)
        new = labels[seen] < 0
        labels[seen[new]] = part["label"][single[at[new]]]
        original = part["method"][single] == "original"
        made += np.bincount(source[single[~original]], minlength=count)
        rows = single[original]
        originals.append(np.stack([source[rows], first + rows], axis=1))
    return Found(labels, made, np.concatenate(originals), methods, parents)


def _numbered(folder: Path, manifest: Manifest) -> Iterator[tuple[int, Columns]]:
    """Yield (first row, columns) of each shard."""
    first = 0
    for part in read_parts(folder, manifest):
        yield first, part
        first += len(part["label"])


def _spread(count: int, most: int) -> Int64Array:
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)


def _chosen_sources(found: Found, count: int) -> list[int]:
    """Take sources from one class after the other, so that few lines show every class."""
    rank, places = Counter[int](), []
    for source in np.flatnonzero(found.labels >= 0).tolist():
        label = int(found.labels[source])
        rank[label] += 1
        places.append((rank[label], label, source))
    return [source for _, _, source in sorted(sorted(places)[:count], key=lambda place: place[1])]


def _rows_of_rank(
    folder: Path, manifest: Manifest, ranks: dict[int | str, Int64Array]
) -> tuple[dict[int | str, list[int]], dict[int, list[int]]]:
    """Return the rows of each rank, and the source images of those that a method made.

    Ranks count the rows that are made of a source image alone, for a number, or by a method.
    """
    rows: dict[int | str, list[int]] = {key: [] for key in ranks}
    index: dict[int, list[int]] = {}
    before = Counter[int | str]()
    for first, part in _numbered(folder, manifest):
        made = np.isin(part["method"], SINGLE[1:])
        for key, wanted in ranks.items():
            own = np.flatnonzero(_is_of(part, made, key))
            here = wanted[(wanted >= before[key]) & (wanted < before[key] + len(own))]
            for place in own[here - before[key]].tolist():
                rows[key].append(first + place)
                sources = part["source_index"][place]
                index[first + place] = sources[sources >= 0].tolist()
            before[key] += len(own)
    return rows, index


def _is_of(part: Columns, made: npt.NDArray[np.bool_], key: int | str) -> npt.NDArray[np.bool_]:
    if isinstance(key, str):
        return np.asarray(part["method"] == key)
    return np.asarray(made & (part["source_index"][:, 0] == key))
