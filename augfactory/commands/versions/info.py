"""What a dataset version is, in figures."""

from pathlib import Path
from typing import Any

from augfactory.guarded.tables import aligned
from augfactory.guarded.text import escaped
from augfactory.store.documents.card import rejected_in_words
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
        f"{manifest.name}@{manifest.version}   {folder}",
        f"rows      {manifest.rows:,} of {height}×{width}×{channels}, "
        f"{len(manifest.class_names)} classes",
        f"files     {len(manifest.files):,}, {size / 2**20:,.1f} MiB, {manifest.format}",
        f"source    {source.text}, {len(source.rows):,} rows, {source.fingerprint[:16]}",
        f"model     {model}",
        f"content   {manifest.content_hash}",
        f"recipe    {manifest.recipe_id}",
        f"created   {manifest.created}, rendered in {manifest.seconds:,.1f} s",
        *_exported(manifest),
        *_redrawn(manifest),
        "",
        *_counts(manifest),
        *_rejected(manifest),
    ]
    return "\n".join(map(escaped, lines))  # what breaks a line came from the data


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
