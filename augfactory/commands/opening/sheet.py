"""The contact sheet of a dataset version."""

from pathlib import Path

import numpy as np

from augfactory.commands.opening.sheet_rows import LineRows, chosen_rows
from augfactory.pipeline.plan import UNLABELLED
from augfactory.records import Int64Array
from augfactory.report.contact_sheet import contact_sheet
from augfactory.report.figures.letters import all_drawable
from augfactory.report.sheet_layout import Line, Tile
from augfactory.store.checked import check_files
from augfactory.store.disk.atomic import write_file
from augfactory.store.manifest import Manifest, read_manifest
from augfactory.store.reader import Version, open_chosen, read_parents
from augfactory.store.versions import find_version

SHEET_LINES = 10


def preview(text: str, out: Path, sources: int = SHEET_LINES) -> int:
    """Write the sheet of the version that ``text`` names to ``out``; return its lines.

    Raises:
        InputDataError: there is no such version.
        VerificationError: its files cannot be read.
    """
    folder = find_version(text)
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    write_file(out, sheet(folder, manifest, sources))
    return min(sources, len(manifest.source.rows))


def sheet(folder: Path, manifest: Manifest, sources: int = SHEET_LINES) -> bytes:
    """Return a PNG of ``sources`` lines of single images, spread over the classes, and the mixed.

    A mixing method has lines of its own: the images that were mixed, and the result with a bar of
    its label shares. Where nothing but mixtures was made, they get the room of the single images.
    ``folder`` holds the rows that ``manifest`` describes.

    Raises:
        VerificationError: its files cannot be read.
    """
    found = chosen_rows(folder, manifest, sources)
    chosen = [line for line in found.lines if line.left or line.right]
    shown = [row for line in chosen for row in (*line.left, *line.right)]
    rows = np.unique(np.array(shown, dtype=np.int64))
    version = open_chosen(folder, manifest, rows, found.shard_rows) if shown else None
    labelled = any(line.method == UNLABELLED for line in chosen)
    last = ", the last of them labelled by classifiers" if labelled else ""
    classes = len(manifest.class_names)
    if sources < classes:
        last += f"; single ones of {sources} of {classes:,} classes"
    return contact_sheet(
        f"{manifest.name} {manifest.version}: {manifest.rows:,} images{last}",
        "what there was",
        "what was made from it",
        [_line(version, rows, line) for line in chosen if version is not None],
    )


def _line(version: Version, rows: Int64Array, line: LineRows) -> Line:
    """Return a line of a sheet; ``rows`` are those that ``version`` was opened with."""
    left, right = (np.searchsorted(rows, own) for own in (line.left, line.right))
    if line.method is None:
        return Line(_tiles(version, left), _tiles(version, right))
    if line.method == UNLABELLED:
        return Line((), _labelled_tiles(version, right))
    return _made_line(version, int(right[0]), left)


def row_sheet(version: Version, row: int) -> bytes:
    """Return a PNG of one row beside the rows of the version that it was made from."""
    parents = read_parents(version, np.array([row]))[0]
    return contact_sheet(
        f"{version.address} row {row}",
        "what there was",
        "what was made from it",
        [_made_line(version, row, parents, whole=True)],
    )


def _labelled_tiles(version: Version, rows: Int64Array) -> tuple[Tile, ...]:
    """Return images that classifiers labelled, each with its shares: no other is beside it."""
    names = all_drawable(version.source.class_names)
    return tuple(
        Tile(image, names[int(np.argmax(shares))], tuple(shares))
        for image, shares in zip(
            version.source.read_images(rows),
            version.source.read_soft_labels(rows).tolist(),
            strict=True,
        )
    )


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
