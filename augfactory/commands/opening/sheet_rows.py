"""Which rows a contact sheet shows, found shard by shard: memory does not grow with the rows."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augfactory.pipeline.plan import UNLABELLED
from augfactory.records import Int64Array
from augfactory.store.by_shard import count_sources, read_parents_of, read_parts
from augfactory.store.manifest import Manifest

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
class SheetRows:
    """The lines of a sheet, and how many rows each shard of the version has."""

    lines: list[LineRows]
    shard_rows: list[int]


@dataclass(frozen=True)
class _Found:
    """What was found of the rows of a version.

    Attributes:
        shard_rows: how many each shard has.
        originals: int64 [n, 2], (source image, row) of every original.
        made: source image -> the further rows that are made of it alone, of those asked for.
        of_method: method -> the rows of the ranks that were asked for.
        sources: row of these -> the source images that went into it.
        parents: P of ``source_index``.
    """

    shard_rows: list[int]
    originals: Int64Array
    made: dict[int, Int64Array]
    of_method: dict[str, list[int]]
    sources: dict[int, list[int]]
    parents: int


def chosen_rows(folder: Path, manifest: Manifest, sources: int) -> SheetRows:
    """Choose lines of ``sources`` source images, spread over the classes, and of the mixed rows.

    Raises:
        VerificationError: the files cannot be read.
    """
    counts = {name: sum(classes.values()) for name, classes in manifest.counts.items()}
    methods = [name for name, rows in counts.items() if rows and name not in SINGLE]
    methods.sort(key=lambda name: name == UNLABELLED)
    single, each = _chosen_sources(folder, manifest, sources), LINES_PER_METHOD
    while True:
        if methods and not any(counts.get(name) for name in SINGLE[1:]):
            single, each = [], max(each, sources // len(methods))
        most = {name: each * (MADE_PER_LINE if name == UNLABELLED else 1) for name in methods}
        ranks = {name: _spread(counts[name], most[name]) for name in methods}
        found = _find(folder, manifest, single, ranks)
        if not methods or not single or any(len(rows) for rows in found.made.values()):
            break
        counts = {name: counts[name] for name in methods}  # others have further rows, these do not
    lines = [
        LineRows(
            found.originals[found.originals[:, 0] == source, 1].tolist(),
            found.made[source][_spread(len(found.made[source]), MADE_PER_LINE)].tolist(),
        )
        for source in single
    ]
    lines += _mixed_lines(folder, manifest, found)
    shown = found.of_method.get(UNLABELLED, [])
    starts = range(0, len(shown), MADE_PER_LINE)
    lines += [LineRows([], shown[start : start + MADE_PER_LINE], UNLABELLED) for start in starts]
    return SheetRows(lines, found.shard_rows)


def _mixed_lines(folder: Path, manifest: Manifest, found: _Found) -> list[LineRows]:
    """Return a line for each mixed row, beside the rows or the originals that were mixed."""
    mixed = {name: rows for name, rows in found.of_method.items() if name != UNLABELLED}
    numbers = np.unique(np.array([row for rows in mixed.values() for row in rows], dtype=np.int64))
    if not len(numbers):
        return []
    known = read_parents_of(folder, manifest, numbers, found.parents)
    parents = {
        row: own[own >= 0].tolist() for row, own in zip(numbers.tolist(), known, strict=True)
    }
    row_of = dict(found.originals.tolist())
    return [
        LineRows(
            parents[row] or [row_of[each] for each in found.sources[row] if each in row_of],
            [row],
            method,
        )
        for method, rows in mixed.items()
        for row in rows
    ]


def _find(
    folder: Path, manifest: Manifest, single: list[int], ranks: dict[str, Int64Array]
) -> _Found:
    """Go over all shards; ``ranks`` count the rows of a method."""
    shard_rows: list[int] = []
    parents, before = 1, Counter[str]()
    originals = [np.empty((0, 2), dtype=np.int64)]
    made: dict[int, list[Int64Array]] = {source: [] for source in single}
    of_method: dict[str, list[int]] = {name: [] for name in ranks}
    sources: dict[int, list[int]] = {}
    first = 0
    for part in read_parts(folder, manifest):
        method, index = part["method"], part["source_index"]
        further, parents = np.isin(method, SINGLE[1:]), index.shape[1]
        kept = np.flatnonzero((method == "original") & (index[:, 0] >= 0))
        if len(kept):  # most shards hold none
            originals.append(np.stack([index[kept, 0], first + kept], axis=1))
        for source, rows in made.items():
            own = np.flatnonzero(further & (index[:, 0] == source))
            if len(own):
                rows.append(first + own)
        for name, wanted in ranks.items():
            own = np.flatnonzero(method == name)
            here = wanted[(wanted >= before[name]) & (wanted < before[name] + len(own))]
            for place in own[here - before[name]].tolist():
                of_method[name].append(first + place)
                sources[first + place] = index[place][index[place] >= 0].tolist()
            before[name] += len(own)
        shard_rows.append(len(method))
        first += len(method)
    none = np.empty(0, dtype=np.int64)
    together = {source: np.concatenate([none, *rows]) for source, rows in made.items()}
    return _Found(shard_rows, np.concatenate(originals), together, of_method, sources, parents)


def _spread(count: int, most: int) -> Int64Array:
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)


def _chosen_sources(folder: Path, manifest: Manifest, count: int) -> list[int]:
    """Take sources from one class after the other, so that few lines show every class."""
    labels = np.full(count_sources(manifest), -1, dtype=np.int64)
    for part in read_parts(folder, manifest):
        source = part["source_index"][:, 0]
        single = np.flatnonzero(np.isin(part["method"], SINGLE) & (source >= 0))
        seen, at = np.unique(source[single], return_index=True)
        new = labels[seen] < 0
        labels[seen[new]] = part["label"][single[at[new]]]
        if (labels >= 0).all():  # of most versions after the first round
            break
    rank, places = Counter[int](), []
    for place in np.flatnonzero(labels >= 0).tolist():
        label = int(labels[place])
        rank[label] += 1
        places.append((rank[label], label, place))
    return [place for _, _, place in sorted(sorted(places)[:count], key=lambda each: each[1])]
