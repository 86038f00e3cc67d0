"""The versions of a dataset, newest first, and what sets each apart from the one before."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augfactory.commands.opening.recorded_recipe import check_recipe
from augfactory.commands.versions.differences import SHORT_HASH, in_words, recipe_words
from augfactory.guarded.text import escaped
from augfactory.store.manifest import Manifest, read_manifest
from augfactory.store.versions import find_version, version_folders


@dataclass(frozen=True)
class Entry:
    """One version; ``changes`` since the version before, None where it is the first."""

    folder: Path
    manifest: Manifest
    changes: tuple[str, ...] | None


def log(text: str) -> list[Entry]:
    """Return the versions of the dataset that ``text`` names, newest first; of NAME@vN up to it.

    Raises:
        InputDataError: there is no such dataset.
        VerificationError: the manifest of a version cannot be read.
    """
    newest = find_version(text)
    folders = [each for each in version_folders(newest.parent) if each.name != newest.name]
    if re.fullmatch(r"v[1-9]\d*", newest.name):
        folders = [each for each in folders if int(each.name[1:]) < int(newest.name[1:])]
    else:
        folders = []  # a version that was copied out of its dataset
    entries: list[Entry] = []
    before: Manifest | None = None
    for folder in [*folders, newest]:
        manifest = read_manifest(folder)
        check_recipe(folder, manifest)
        changes = None if before is None else tuple(in_words(before, manifest))
        entries.append(Entry(folder, manifest, changes))
        before = manifest
    return entries[::-1]


def as_json(entries: list[Entry]) -> dict[str, Any]:
    """Return the versions as plain values, newest first."""
    return {
        "name": entries[0].manifest.name,
        "versions": [
            {
                "version": entry.manifest.version,
                "path": str(entry.folder),
                "created": entry.manifest.created,
                "rows": entry.manifest.rows,
                "recipe": recipe_words(entry.manifest.recipe),
                "recipe_id": entry.manifest.recipe_id,
                "content_hash": entry.manifest.content_hash,
                "changes": None if entry.changes is None else list(entry.changes),
            }
            for entry in entries
        ],
    }


def as_text(entries: list[Entry]) -> str:
    """Return a line for each version, and under it what changed since the one before."""
    lines = []
    for entry in entries:
        manifest = entry.manifest
        lines.append(
            f"{manifest.address}  {manifest.created}  {manifest.rows:,} rows  "
            f"content {manifest.content_hash[:SHORT_HASH]}"
        )
        lines.append(f"    {recipe_words(manifest.recipe)}")
        if entry.changes is not None:
            lines.append(f"    changed: {'; '.join(entry.changes) or 'nothing in the request'}")
    return "\n".join(map(escaped, lines))  # what breaks a line came from the data
