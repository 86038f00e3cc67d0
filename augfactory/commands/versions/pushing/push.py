"""Write a dataset version to any fsspec URL or to a dataset repository of the Hugging Face hub.

The manifest is sent last, so that a half-written copy is never taken for a version.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augfactory.commands.progress import Bar, Progress
from augfactory.commands.versions.pushing.destinations import (
    HUB,
    Destination,
    Found,
    destination_of,
)
from augfactory.commands.versions.refused import refuse_damaged
from augfactory.errors import RecipeError
from augfactory.guarded.files import read_inside
from augfactory.store.checked import DOCUMENTS
from augfactory.store.disk.remote import PART, told
from augfactory.store.layout import layout_of
from augfactory.store.manifest import (
    CHECKSUMS,
    MANIFEST,
    Manifest,
    checksums_bytes,
    file_entry,
    is_as_listed,
    read_manifest,
)
from augfactory.store.manifest_parts import FileEntry
from augfactory.store.versions import find_version


@dataclass(frozen=True)
class Pushed:
    """What `push` answers: the files of a version and which of them were sent, or would be."""

    name: str
    version: str
    to: str
    content_hash: str
    files: int
    bytes: int
    sent: tuple[FileEntry, ...]
    existing: bool
    dry_run: bool
    visibility: str | None  # of a repository on the hub


def push(
    text: str, to: str, progress: Progress, *, public: bool = False, dry_run: bool = False
) -> Pushed:
    """Send the version that ``text`` names to ``to``: a path, an fsspec URL, hf://datasets/O/N.

    Its files are held to the manifest first. Files that ``to`` has already are not sent again, so
    that the same call continues after an interruption. ``dry_run`` changes nothing there.
    ``public`` is for a repository on the hub, which is private otherwise.

    Raises:
        RecipeError: ``to`` is no such address, holds something else, or lacks its package.
        InputDataError: there is no such version.
        VerificationError: the version is not as published.
        ResourceError: ``to`` cannot be read or written.
    """
    folder = find_version(text)
    manifest = read_manifest(folder)
    destination = destination_of(folder, to, public)
    _check(folder, manifest, progress)
    data = [*manifest.files, file_entry(folder, CHECKSUMS)]
    last = file_entry(folder, MANIFEST)
    with told(to, "(`hf auth login`, or HF_TOKEN) " if to.startswith(HUB) else ""):
        found = destination.found()
        there = MANIFEST in found and _is_same(destination.read(MANIFEST), manifest)
        if MANIFEST in found and not there:
            raise _taken(to, "a different version is there already")
        with progress.bar(f"comparing with {to}", len(data), "file") as bar:
            missing = _missing(destination, found, data, to, bar, complete=there)
        if not there:
            _refuse_others(found, destination, {*(each.path for each in data)}, to)
            missing.append(last)
        if missing and not dry_run:
            destination.prepare(sorted(layout_of(manifest).folders))
            total, sent = sum(each.size for each in (*data, last)), sum(e.size for e in missing)
            with progress.bar(f"sending to {to}", total, "byte", total - sent) as bar:
                what = manifest.address
                destination.send([each for each in missing if each != last], what, bar)
                if not there:
                    destination.send([last], what, bar)
    return Pushed(
        manifest.name,
        manifest.version,
        to,
        manifest.content_hash,
        len(data) + 1,
        sum(each.size for each in (*data, last)),
        tuple(missing),
        not missing,
        dry_run,
        destination.visibility,
    )


def as_json(pushed: Pushed) -> dict[str, Any]:
    """Return the object that ``--json`` prints; only a dry run lists the files."""
    sent = [{"path": each.path, "bytes": each.size} for each in pushed.sent]
    key, files = ("would_send", sent) if pushed.dry_run else ("sent", len(sent))
    return {**vars(pushed), "sent": 0 if pushed.dry_run else len(sent), key: files}


def _check(folder: Path, manifest: Manifest, progress: Progress) -> None:
    """Hold every file that would be sent to the manifest.

    Raises:
        VerificationError: naming those that differ.
    """
    problems = []
    with progress.bar("checking files", len(manifest.files), "file") as bar:
        for entry in manifest.files:
            if not is_as_listed(folder, entry):
                problems.append(f"{entry.path}: is missing, or its content was changed")
            bar.advance()
    expected = checksums_bytes(manifest.files, read_inside(folder, MANIFEST))
    try:
        listed = read_inside(folder, CHECKSUMS, len(expected) + 1)
    except (OSError, ValueError):
        listed = b""
    if listed != expected:
        problems.append(f"{CHECKSUMS}: is not the list of what {MANIFEST} lists")
    refuse_damaged(folder, problems, [])


def _is_same(data: bytes, manifest: Manifest) -> bool:
    """Tell whether ``data``, a manifest at the destination, tells of the same content and files."""
    try:
        other = json.loads(data)
        files = {(each["path"], each["size"], each["sha256"]) for each in other["files"]}
        same_content: bool = other["content_hash"] == manifest.content_hash
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return same_content and files == {(e.path, e.size, e.sha256) for e in manifest.files}


def _missing(
    destination: Destination,
    found: Found,
    entries: Sequence[FileEntry],
    to: str,
    bar: Bar,
    *,
    complete: bool,
) -> list[FileEntry]:
    """Return the files that have to be sent.

    Where the version is ``complete``, sizes are enough, and a card that people wrote on is kept.

    Raises:
        RecipeError: a file of that name and of other content is there, and no version.
    """
    missing = []
    for entry in entries:
        known = found.get(entry.path)
        bar.advance()
        if known is None:
            missing.append(entry)
        elif complete:
            if entry.path not in (*DOCUMENTS, CHECKSUMS) and destination.size(known) != entry.size:
                missing.append(entry)
        elif destination.size(known) != entry.size or not destination.same(known, entry):
            raise _taken(to, f"there is another {entry.path} already")
    return missing


def _refuse_others(found: Found, destination: Destination, own: set[str], to: str) -> None:
    own |= {path + PART for path in (*own, MANIFEST)} | {*destination.own, MANIFEST}
    others = sorted(found.keys() - own)
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        named = ", ".join(each or "a file of this very name" for each in others[:3])
        raise _taken(to, f"it holds what is not of this version: {named}{more}")


def _taken(to: str, what: str) -> RecipeError:
    return RecipeError(
        to, f"{what}, and nothing is overwritten", "Name an empty or a new place for it."
    )
