"""Hostile versions: whoever changes the files can also make the hashes say that nothing changed."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"


def writable_copy(version: Path, place: Path) -> Path:
    """Copy the dataset of ``version`` to the new folder ``place``; return the version in it."""
    shutil.copytree(version.parent, place, symlinks=True)
    for path in place.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return place / version.name


def read(version: Path) -> Any:
    """Return what manifest.json says."""
    return json.loads((version / MANIFEST).read_bytes())


def write(version: Path, manifest: Any) -> None:
    """Write manifest.json, and SHA256SUMS to match."""
    (version / MANIFEST).write_bytes((json.dumps(manifest, indent=2) + "\n").encode())
    seal_sums(version)


def seal(version: Path) -> None:
    """Let the manifest and SHA256SUMS list the files as they are, where that is possible."""
    try:
        manifest = read(version)
        for entry in manifest["files"]:
            path = version / entry["path"]
            if path.is_file() and path.stat().st_size < 2**24:
                data = path.read_bytes()
                entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        write(version, manifest)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        seal_sums(version)


def seal_sums(version: Path) -> None:
    """Let SHA256SUMS list what the manifest lists."""
    data = (version / MANIFEST).read_bytes()
    lines = []
    try:
        for entry in json.loads(data)["files"]:
            lines.append(f"{entry['sha256']}  {entry['path']}\n")
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    lines.append(f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n")
    (version / SUMS).write_bytes("".join(lines).encode("utf-8", "surrogatepass"))


def snapshot(folder: Path, without: Path | None = None) -> dict[str, Any]:
    """Return what lies in ``folder``: kinds, links, bytes, but for what lies under ``without``."""
    found: dict[str, Any] = {}
    for place, folders, files in os.walk(folder):
        if without is not None and Path(place) == without:
            folders.clear()
            continue
        for name in (*folders, *files):
            path = Path(place) / name
            if path.is_symlink():
                found[str(path)] = os.readlink(path)
            elif path.is_file():
                found[str(path)] = path.read_bytes()
            else:
                found[str(path)] = path.lstat().st_mode
    return found
