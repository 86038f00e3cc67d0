"""What a dataset version is, in figures."""

from pathlib import Path
from typing import Any

from augfactory.commands.opening.recorded_recipe import recipe_of
from augfactory.commands.versions.differences import recipe_words
from augfactory.guarded.tables import aligned
from augfactory.guarded.text import escaped
from augfactory.source_rows import SourceRows, skipped_in_words
from augfactory.store.documents.made_in_words import (
    class_rows_in_words,
    rejected_in_words,
)
from augfactory.store.documents.markdown import numbers
from augfactory.store.manifest import Manifest, read_manifest
from augfactory.store.versions import find_version


def info(text: str) -> tuple[Path, Manifest]:
    """Return the folder and the manifest of the version that ``text`` names.

    Raises:
        InputDataError: there is no such version.
        VerificationError: its manifest cannot be read.
    """
    folder = find_version(text)
    return folder, read_manifest(folder)


def as_json(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return the manifest with the version's path and size."""
    size = sum(entry.size for entry in manifest.files)
    return {"path": str(folder), "bytes": size, **manifest.model_dump(mode="json")}


def as_text(folder: Path, manifest: Manifest) -> str:
    """Return what a person wants to know of a version."""
    height, width, channels = manifest.image_shape
    size = sum(entry.size for entry in manifest.files)
    model = f"VAE {manifest.model['sha256'][:16]}" if manifest.model else "none"
    source = manifest.source
    lines = [
        f"{manifest.address}   {folder}",
        f"rows      {manifest.rows:,} of {height}×{width}×{channels}, "
        f"{len(manifest.class_names)} classes",
        *_class_rows(manifest),
        f"files     {len(manifest.files):,}, {size / 2**20:,.1f} MiB, {manifest.format}",
        f"source    {source.text}, {len(source.rows):,} rows, {source.fingerprint[:16]}",
        *_skipped(source, "source"),
        f"model     {model}",
        *_validation(manifest),
        *_made(manifest),
        f"content   {manifest.content_hash}",
        f"recipe    {manifest.recipe_id}",
        f"created   {manifest.created}, rendered in {manifest.seconds:,.1f} s",
        *_exported(manifest),
        *_redrawn(manifest),
        *_left_out(manifest),
        "",
        *_counts(manifest),
        *_rejected(manifest),
    ]
    return "\n".join(map(escaped, lines))  # what breaks a line came from the data


def _validation(manifest: Manifest) -> list[str]:
    entry = manifest.validation
    if entry is None:
        return []
    counts = ", ".join(f"{name} {number:,}" for name, number in entry.counts.items())
    return [
        f"val       {len(entry.source.rows):,} images ({counts}): {entry.in_words}",
        f"          content {entry.content_hash}",
        *_skipped(entry.source, "val"),
    ]


def _skipped(rows: SourceRows, of: str) -> list[str]:
    told = skipped_in_words(rows.skipped)
    return [f"skipped   of {of}, cannot be read: {told}"] if told else []


def _class_rows(manifest: Manifest) -> list[str]:
    rows = manifest.class_rows
    return [] if rows is None else [f"per class {class_rows_in_words(rows)}"]


def _made(manifest: Manifest) -> list[str]:
    """Return the recipe in a few words; nothing where it is none that this program knows."""
    try:
        recipe_of(manifest)
    except ValueError:
        return []
    return [f"made      {recipe_words(manifest.recipe)}"]


def _exported(manifest: Manifest) -> list[str]:
    origin = manifest.exported_from
    return [f"exported  from {origin.name}@{origin.version}"] if origin else []


def _redrawn(manifest: Manifest) -> list[str]:
    """Return a line for each round of rejected rows."""
    rounds = zip(manifest.rejected_rows, manifest.redrawn_from, strict=True)
    return [
        f"anew      {len(rows):,} rejected row{'s' * (len(rows) > 1)} of {of.name}@{of.version}: "
        f"{numbers(rows)}"
        for rows, of in rounds
    ]


def _left_out(manifest: Manifest) -> list[str]:
    of, rows = manifest.left_out_from, manifest.left_out
    if of is None:
        return []
    return [
        f"without   {len(rows):,} row{'s' * (len(rows) > 1)} of {of.name}@{of.version}: "
        f"{numbers(rows)}"
    ]


def _rejected(manifest: Manifest) -> list[str]:
    text = rejected_in_words(manifest)
    return [] if text is None else ["", text]


def _counts(manifest: Manifest) -> list[str]:
    """Return a table with a column for each method and a line for each class."""
    names, methods = manifest.class_names, list(manifest.counts)
    table = [["class", *methods, "all"]]
    for name in names:
        counts = [manifest.counts[method].get(name, 0) for method in methods]
        table.append([name, *(f"{count:,}" for count in [*counts, sum(counts)])])
    totals = [sum(manifest.counts[method].values()) for method in methods]
    table.append(["all", *(f"{count:,}" for count in [*totals, sum(totals)])])
    return aligned(table).split("\n")
