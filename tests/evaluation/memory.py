"""Sources held in memory, for tests: small, never square, in colour."""

import tempfile
from pathlib import Path

import numpy as np

from augfactory.keyed_random import generator
from augfactory.records import Float32Array, Int64Array, Source, UInt8Array, one_hot
from augfactory.source_rows import SourceRows

IMAGE_SHAPE = (9, 6, 3)
CLASSES = 10
PLACE = tempfile.TemporaryDirectory()  # of this process; gone when it ends
CLASS_NAMES = tuple(f"class {label}" for label in range(CLASSES))


def memory_source(
    images: UInt8Array,
    labels: Int64Array,
    soft_labels: Float32Array | None = None,
    *,
    name: str = "memory",
    class_names: tuple[str, ...] = CLASS_NAMES,
) -> Source:
    """Return a source of what is handed in; rows are called ``<name>/<row>``."""
    shares = one_hot(labels, len(class_names)) if soft_labels is None else soft_labels
    height, width, channels = images.shape[1:]
    return Source(
        name=name,
        split=None,
        class_names=class_names,
        image_shape=(height, width, channels),
        labels=labels,
        read_images=lambda rows: images[rows],
        read_soft_labels=lambda rows: shares[rows],
        row_name=lambda row: f"{name}/{row}",
    )


def patterns(key: str, rows: int) -> tuple[UInt8Array, Int64Array]:
    """Return images of ten fixed patterns under noise, and the pattern of each; balanced."""
    templates = generator("templates").integers(40, 216, (CLASSES, *IMAGE_SHAPE))
    labels = np.arange(rows, dtype=np.int64) % CLASSES
    noise = generator("noise", key).integers(-40, 40, (rows, *IMAGE_SHAPE))
    return (templates[labels] + noise).astype(np.uint8), labels


def pattern_source(key: str, rows: int, name: str = "memory") -> Source:
    """Return ``patterns`` as a source."""
    return memory_source(*patterns(key, rows), name=name)


def rows_of_patterns(text: str, fingerprint: str, rows: range | None = None) -> SourceRows:
    """Return the record of rows of ``…-ROWS.npz``, all of them at None."""
    numbers = range(int(Path(text).stem.rpartition("-")[2])) if rows is None else rows
    return SourceRows(
        text=text,
        split=None,
        size=None,
        colour="auto",
        fingerprint=fingerprint,
        rows=tuple(numbers),
    )


def pattern_file(key: str, rows: int, chosen: tuple[int, ...] | None = None) -> str:
    """Write ``patterns``, or ``chosen`` rows of them, as a source; return its path."""
    images, labels = patterns(key, rows)
    kept = list(range(rows) if chosen is None else chosen)
    path = Path(PLACE.name) / f"{key}-{len(kept)}.npz"
    np.savez(path, image=images[kept], label=labels[kept], class_names=np.array(CLASS_NAMES))
    return str(path)
