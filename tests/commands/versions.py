"""Dataset versions and sources on disk, for tests of commands that read them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from augfactory.records import Int64Array, Rows, SourceSpec, UInt8Array, one_hot
from augfactory.source_rows import SourceRows, fingerprint
from augfactory.sources.opening import open_source
from augfactory.store.formats import hdf5
from augfactory.store.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    content_hash,
    file_entry,
    manifest_bytes,
    row_digests,
)
from tests.evaluation.memory import CLASS_NAMES


def read_rows(path: Path) -> Rows:
    """Read one HDF5 shard whole."""
    columns = hdf5.read_columns(path, [name for name in hdf5.COLUMNS if name != "label"])
    return Rows(**columns)


def write_source(
    path: Path, images: UInt8Array, labels: Int64Array, names: tuple[str, ...] = CLASS_NAMES
) -> SourceSpec:
    """Write an HDF5 source and return its spec."""
    with h5py.File(path, "w") as file:
        file["image"], file["label"] = images, labels
        file.attrs["class_names"] = json.dumps(names)
    return SourceSpec(str(path))


def write_version(
    folder: Path,
    origin: SourceSpec,
    chosen: list[int],
    factor: int,
    *,
    originals: bool = True,
    noise: int = 20,
    seed: int | None = None,
    shuffled: float = 0.0,
    vary: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write a version of ``factor`` noisy copies of the ``chosen`` rows of ``origin``.

    ``shuffled`` is the share of the copies that get the label of another. ``vary`` is what its
    recipe says of varying images further.
    """
    source = open_source(origin).restricted_to(np.array(chosen))
    count = factor * len(source)
    parent = np.arange(count) % len(source)
    made = source.read_images(parent).astype(np.int64)
    made += np.random.default_rng(factor if seed is None else seed).integers(
        -noise, noise + 1, made.shape
    )
    images = made.clip(0, 255).astype(np.uint8)
    kept = np.arange(count) < len(source) if originals else np.zeros(count, dtype=bool)
    images[kept] = source.read_images(parent[kept])
    labels = source.labels[parent]
    if shuffled:
        random, made_rows = np.random.default_rng(0), np.flatnonzero(~kept)
        wrong = random.permutation(made_rows)[: round(shuffled * len(made_rows))]
        labels[wrong] = random.permutation(labels[wrong])
    rows = Rows(
        image=images,
        soft_label=one_hot(labels, len(source.class_names)),
        method=np.where(kept, "original", "vae"),
        round=(np.arange(count) // len(source)).astype(np.int32),
        view=np.zeros(count, dtype=np.int32),
        source_index=parent[:, None],
        weight=np.ones((count, 1), dtype=np.float32),
    )
    (folder / "shards").mkdir(parents=True)
    (folder / "shards/00000.h5").write_bytes(hdf5.shard_bytes(rows, source.class_names))
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name=folder.parent.name,
        version=folder.name,
        rows=count,
        class_names=list(source.class_names),
        image_shape=source.image_shape,
        recipe={"factor": factor, "format": "hdf5", **({"vary": [*vary]} if vary else {})},
        recipe_id="0" * 64,
        versions={"rendering": 1},
        source=SourceRows(
            text=origin.text,
            split=source.split,
            size=origin.size,
            colour=origin.colour,
            fingerprint=fingerprint(source),
            rows=tuple(chosen),
        ),
        model=None,
        files=[file_entry(folder, "shards/00000.h5")],
        content_hash=content_hash(
            source.image_shape, list(source.class_names), [row_digests(rows)]
        ),
        counts={},
        libraries={},
        created="2026-01-01T00:00:00Z",
        seconds=0.0,
    )
    (folder / MANIFEST).write_bytes(manifest_bytes(manifest))
    return folder
