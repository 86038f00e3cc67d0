"""The contact sheet of a dataset version."""

from pathlib import Path

import numpy as np

from augfactory.records import Int64Array
from augfactory.report.contact_sheet import Line, Tile, contact_sheet
from augfactory.store.atomic import write_file
from augfactory.store.reader import Version, open_version
from augfactory.store.versions import find_version

SHEET_LINES = 10
MADE_PER_LINE = 12


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
    """Return a PNG: one line for each of ``sources`` source images, spread over the classes."""
    manifest = version.manifest
    lines = [_line(version, source) for source in _chosen_sources(version, sources)]
    return contact_sheet(
        f"{manifest.name} {manifest.version}: {manifest.rows:,} images",
        "original",
        f"made from it ({', '.join(name for name in manifest.counts if name != 'original')})",
        lines,
    )


def _line(version: Version, source: int) -> Line:
    from_it = version.source_index[:, 0] == source
    originals = np.flatnonzero(from_it & (version.methods == "original"))
    made = np.flatnonzero(from_it & (version.methods != "original"))
    spread = made[np.linspace(0, len(made) - 1, min(MADE_PER_LINE, len(made))).astype(int)]
    return Line(_tiles(version, originals), _tiles(version, spread))


def _tiles(version: Version, rows: Int64Array) -> tuple[Tile, ...]:
    images = version.source.read_images(rows)
    labels = version.source.read_soft_labels(rows)
    names = version.source.class_names
    captions = [
        ", ".join(
            names[label] if share > 0.995 else f"{names[label]} {share:.2f}"
            for label, share in enumerate(shares)
            if share > 0.005
        )
        for shares in labels.tolist()
    ]
    return tuple(Tile(image, caption) for image, caption in zip(images, captions, strict=True))


def _chosen_sources(version: Version, count: int) -> list[int]:
    """Take sources from one class after the other, so that few lines show every class."""
    first_rows = np.unique(version.source_index[:, 0], return_index=True)
    label_of = dict(zip(first_rows[0].tolist(), version.source.labels[first_rows[1]], strict=True))
    rank: dict[int, int] = {}
    places = []
    for source, label in label_of.items():
        rank[label] = rank.get(label, 0) + 1
        places.append((rank[label], label, source))
    return [source for _, _, source in sorted(sorted(places)[:count], key=lambda place: place[1])]
