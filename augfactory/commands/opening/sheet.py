"""The contact sheet of a dataset version."""

from pathlib import Path

import numpy as np

from augfactory.pipeline.plan import UNLABELLED
from augfactory.records import Int64Array
from augfactory.report.contact_sheet import contact_sheet
from augfactory.report.figures.letters import all_drawable
from augfactory.report.sheet_layout import Line, Tile
from augfactory.store.disk.atomic import write_file
from augfactory.store.reader import Version, open_version, read_parents
from augfactory.store.versions import find_version

SHEET_LINES = 10
MADE_PER_LINE = 12
LINES_PER_METHOD = 3
SINGLE = ("original", "geometry", "vae")


def preview(text: str, out: Path, sources: int = SHEET_LINES) -> int:
    """Write the sheet of the version that ``text`` names to ``out``; return its lines.

    Raises:
        InputDataError: there is no such version.
        VerificationError: its files cannot be read.
    """
    version = open_version(find_version(text))
    write_file(out, sheet(version, sources))
    return min(sources, len(version.manifest.source.rows))


def sheet(version: Version, sources: int = SHEET_LINES) -> bytes:
    """Return a PNG of ``sources`` lines of single images, spread over the classes, and the mixed.

    A mixing method has lines of its own: the images that were mixed, and the result with a bar of
    its label shares. Where nothing but mixtures was made, they get the room of the single images.
    """
    manifest = version.manifest
    there = set(np.unique(version.methods).tolist())
    methods = [name for name in manifest.counts if name in there and name not in SINGLE]
    methods.sort(key=lambda name: name == UNLABELLED)
    single = [_single_line(version, source) for source in _chosen_sources(version, sources)]
    each = LINES_PER_METHOD
    if methods and not any(line.right for line in single):
        single, each = [], max(each, sources // len(methods))
    mixed = [line for method in methods for line in _mixed_lines(version, method, each)]
    last = ", the last of them labelled by classifiers" if UNLABELLED in methods else ""
    return contact_sheet(
        f"{manifest.name} {manifest.version}: {manifest.rows:,} images{last}",
        "what there was",
        "what was made from it",
        [line for line in (*single, *mixed) if line.left or line.right],
    )


def row_sheet(version: Version, row: int) -> bytes:
    """Return a PNG of one row beside the rows of the version that it was made from."""
    parents = read_parents(version, np.array([row]))[0]
    return contact_sheet(
        f"{version.address} row {row}",
        "what there was",
        "what was made from it",
        [_made_line(version, row, parents, whole=True)],
    )


def _single_line(version: Version, source: int) -> Line:
    from_it = version.source_index[:, 0] == source
    originals = np.flatnonzero(from_it & (version.methods == "original"))
    made = np.flatnonzero(from_it & np.isin(version.methods, SINGLE[1:]))
    spread = made[np.linspace(0, len(made) - 1, min(MADE_PER_LINE, len(made))).astype(int)]
    return Line(_tiles(version, originals), _tiles(version, spread))


def _mixed_lines(version: Version, method: str, most: int) -> list[Line]:
    rows = np.flatnonzero(version.methods == method)
    if method == UNLABELLED:
        return _unlabelled_lines(version, rows, most)
    chosen = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
    return [
        _made_line(version, row, parents)
        for row, parents in zip(chosen.tolist(), read_parents(version, chosen), strict=True)
    ]


def _unlabelled_lines(version: Version, rows: Int64Array, most: int) -> list[Line]:
    """Return full lines of images that classifiers labelled: each has no other beside it."""
    shown = rows[np.linspace(0, len(rows) - 1, min(most * MADE_PER_LINE, len(rows))).astype(int)]
    names = all_drawable(version.source.class_names)
    tiles = [
        Tile(image, names[int(np.argmax(shares))], tuple(shares))
        for image, shares in zip(
            version.source.read_images(shown),
            version.source.read_soft_labels(shown).tolist(),
            strict=True,
        )
    ]
    starts = range(0, len(tiles), MADE_PER_LINE)
    return [Line((), tuple(tiles[start : start + MADE_PER_LINE])) for start in starts]


def _made_line(version: Version, row: int, parents: Int64Array, whole: bool = False) -> Line:
    """Return a row beside its parents; ``whole``: the captions of those are not shortened."""
    made = _tiles(version, np.array([row]))[0]
    caption = f"{version.methods[row]}: {made.caption}"
    shares = tuple(version.source.read_soft_labels(np.array([row]))[0].tolist())
    return Line(_tiles(version, parents, whole), (Tile(made.image, caption, shares, whole=True),))


def _tiles(version: Version, rows: Int64Array, whole: bool = False) -> tuple[Tile, ...]:
    images = version.source.read_images(rows)
    labels = version.source.read_soft_labels(rows)
    names = all_drawable(version.source.class_names)
    captions = [
        ", ".join(
            # A share stays on the line where its name ends.
            names[label] if share > 0.995 else f"{names[label]}\N{NO-BREAK SPACE}{share:.2f}"
            for label, share in enumerate(shares)
            if share > 0.005
        )
        for shares in labels.tolist()
    ]
    return tuple(
        Tile(image, caption, whole=whole) for image, caption in zip(images, captions, strict=True)
    )


def _chosen_sources(version: Version, count: int) -> list[int]:
    """Take sources from one class after the other, so that few lines show every class."""
    single = np.flatnonzero(np.isin(version.methods, SINGLE))
    found, first = np.unique(version.source_index[single, 0], return_index=True)
    rank: dict[int, int] = {}
    places = []
    labels = version.source.labels[single[first]]
    for source, label in zip(found.tolist(), labels.tolist(), strict=True):
        rank[label] = rank.get(label, 0) + 1
        places.append((rank[label], label, source))
    return [source for _, _, source in sorted(sorted(places)[:count], key=lambda place: place[1])]
