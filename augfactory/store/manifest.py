"""The manifest of a dataset version: what it is, what it was made from, and every file's hash."""

import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from augfactory.errors import VerificationError
from augfactory.records import Rows
from augfactory.store.statistics import Statistics

MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"
PLAN = "plan.parquet"
SCHEMA_VERSION = 1
RECORDED_LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "opencv-python-headless",
    "h5py",
    "pillow",
    "pyarrow",
)


class FileEntry(BaseModel):
    """One file of a version: path relative to its folder, size in bytes, sha256."""

    model_config = ConfigDict(frozen=True)

    path: str
    size: int
    sha256: str


class SourceEntry(BaseModel):
    """The images a dataset was made from.

    ``rows`` are row numbers of the source named by ``text``; ``source_index`` in the dataset counts
    positions in this list. ``fingerprint`` covers the pixels and labels of exactly these rows.
    ``place`` is ``text`` as told from the version's folder (see ``places.py``); None where it lies
    in no place, or in manifests of before there were places. ``roots`` is there where the rows were
    made themselves: for each the originals that it goes back to.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    split: str | None
    size: tuple[int, int] | None
    colour: str
    fingerprint: str
    rows: list[int]
    place: str | None = None
    roots: list[list[int]] | None = None

    @property
    def groups(self) -> str:
        """Where it stands which rows go back to the same image, and are to be held out together."""
        return "source_index" if self.roots is None else "source.roots of manifest.json"

    @property
    def originals(self) -> int:
        """How many different images all of it goes back to."""
        if self.roots is None:
            return len(self.rows)
        return len({root for roots in self.roots for root in roots})

    @property
    def title(self) -> str:
        """What to call it before others: the end of a path, not where it lay on some machine."""
        path = PurePath(self.text)
        if re.fullmatch(r"v\d+(:\w+)?", path.name):  # a version by its folder
            return f"{path.parent.name}/{path.name}"
        return path.name or self.text


class ExportEntry(BaseModel):
    """The version whose rows a dataset holds in another storage format."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    content_hash: str


class Manifest(BaseModel):
    """manifest.json; its presence means that the version is complete.

    ``versions`` are those of the rendering and the methods that made it; they are part of
    ``recipe_id``, which a later program can so check against its own newer ones.
    ``semantic_version`` is MAJOR.MINOR.PATCH as Croissant means it: a new PATCH holds the same
    data, stored in another way. ``statistics`` is None in manifests of before there were any.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int
    name: str
    version: str
    rows: int
    class_names: list[str]
    image_shape: tuple[int, int, int]
    recipe: dict[str, Any]
    recipe_id: str
    versions: dict[str, int]
    source: SourceEntry
    model: dict[str, Any] | None
    files: list[FileEntry]
    content_hash: str
    counts: dict[str, dict[str, int]]
    libraries: dict[str, str]
    created: str
    seconds: float
    semantic_version: str = ""
    exported_from: ExportEntry | None = None
    statistics: Statistics | None = None

    @property
    def croissant_version(self) -> str:
        """The semantic version, which manifests before exports did not hold."""
        return self.semantic_version or f"{self.version.removeprefix('v')}.0.0"

    @property
    def format(self) -> str:
        """The name of the format that stores the rows."""
        return str(self.recipe["format"])


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return manifest.json, readable by people, the same bytes for the same manifest."""
    values = manifest.model_dump(mode="json")
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the version in ``folder``.

    Raises:
        VerificationError: it is missing, unreadable or of a schema we do not know.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise VerificationError(
            path, "is missing, so this version is not complete", "Expand it again."
        ) from error
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else _first_problem(error)
        raise VerificationError(
            path, f"cannot be read: {reason}", "Restore the file, or expand again."
        ) from error
    if manifest.schema_version != SCHEMA_VERSION:
        raise VerificationError(
            path,
            f"has schema version {manifest.schema_version}, this program reads {SCHEMA_VERSION}",
            "Use the augfactory that wrote it.",
        )
    return manifest


def row_digests(rows: Rows) -> bytes:
    """Return 32 bytes for each row: the sha256 of its pixels and its label."""
    digests = []
    labels = rows.soft_label.astype("<f4")
    for image, label in zip(rows.image, labels, strict=True):
        digests.append(hashlib.sha256(image.tobytes() + label.tobytes()).digest())
    return b"".join(digests)


def content_hash(
    image_shape: tuple[int, int, int], class_names: list[str], digests: Iterable[bytes]
) -> str:
    """Hash decoded pixels, labels and their order; storage format and shards do not matter.

    ``digests`` are the outputs of ``row_digests`` in row order.
    """
    header = json.dumps([list(image_shape), class_names], ensure_ascii=False)
    whole = hashlib.sha256(header.encode())
    for part in digests:
        whole.update(part)
    return whole.hexdigest()


def file_entry(folder: Path, path: str) -> FileEntry:
    """Measure one file of a version."""
    with open(folder / path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileEntry(path=path, size=(folder / path).stat().st_size, sha256=digest)


def checksums_bytes(files: list[FileEntry], manifest: bytes) -> bytes:
    """Return SHA256SUMS, as ``sha256sum -c`` reads it, over all files and the manifest."""
    lines = [f"{entry.sha256}  {entry.path}\n" for entry in files]
    lines.append(f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n")
    return "".join(lines).encode()


def library_versions() -> dict[str, str]:
    """Return the versions that can change what is made."""
    versions = {"python": platform.python_version()}
    for name in ("augfactory", *RECORDED_LIBRARIES):
        versions[name] = _version(name) or "not installed as a package"
    return versions


def program() -> str:
    """Return the name and version of this program."""
    return " ".join(filter(None, ["augfactory", _version("augfactory")]))


def creation_time() -> str:
    """Return the present time in UTC, or SOURCE_DATE_EPOCH where that is set."""
    seconds = float(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else str(problem["msg"])
