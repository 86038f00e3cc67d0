"""What a dataset version is, in figures."""

from pathlib import Path
from typing import Any

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
        "",
        f"{'method':10s} "
        + " ".join(f"{_short(name):>8s}" for name in manifest.class_names)
        + f" {'all':>9s}",
    ]
    for method, classes in manifest.counts.items():
        counts = [classes.get(name, 0) for name in manifest.class_names]
        lines.append(
            f"{method:10s} " + " ".join(f"{count:8,d}" for count in counts) + f" {sum(counts):9,d}"
        )
    return "\n".join(lines)


def _short(name: str) -> str:
    return name if len(name) <= 8 else name[:7] + "…"
