"""The manifest of a dataset version: what it is, what it was made from, and every file's hash."""

import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from augfactory.errors import VerificationError
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import open_inside, sha256_of
from augfactory.guarded.text import escaped_json
from augfactory.guarded.validation import document_problem
from augfactory.records import Rows
from augfactory.source_rows import LARGEST_NUMBER, Side, SourceRows
from augfactory.store.formats.registry import FORMATS
from augfactory.store.manifest_parts import (
    LARGEST_IMAGE,
    MOST_CLASSES,
    About,
    FileEntry,
    LabellingEntry,
    ModelEntry,
    Sha256,
    ValidationEntry,
    VersionEntry,
    fit_channels,
    fit_class_names,
    left_out_rows,
    plain_name,
    rejected_rows,
)
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


class Manifest(BaseModel):
    """manifest.json; its presence means that the version is complete.

    ``versions`` are those of the rendering and the methods that made it; they are part of
    ``recipe_id``, which a later program can so check against its own newer ones.
    ``semantic_version`` is MAJOR.MINOR.PATCH as Croissant means it: a new PATCH holds the same
    data, stored in another way. ``unlabelled`` are the images that classifiers labelled, where
    there are any; behind ``source.rows``, ``source_index`` counts in their rows; ``labelling`` says
    how far their labels are to be trusted, None in manifests of before it did. ``statistics`` is
    None in manifests of before there were any. ``rejected`` counts, where decoded images were
    filtered, the draws that were not fit: reason -> class name -> draws, and under "kept" the rows
    that stand although none of their draws was. ``redrawn_from`` are the versions whose rows were
    rejected, one for each round of the recipe's ``redrawn``. ``validation`` tells of the
    images in ``val/``, where there are any; all else tells of the training rows alone.
    ``class_rows`` are the rows that each class leads, where classes were not expanded alike and
    no row is left out. ``left_out_from`` is the version that holds the rows which the recipe's
    ``left_out`` lists, too: the numbers are those of that version.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int
    name: Annotated[str, AfterValidator(plain_name)]
    version: str = Field(pattern=r"^v[1-9][0-9]{0,8}$")
    rows: int = Field(ge=1, le=LARGEST_NUMBER)
    class_names: Annotated[
        list[str], Field(min_length=1, max_length=MOST_CLASSES), AfterValidator(fit_class_names)
    ]
    image_shape: tuple[Side, Side, Annotated[int, AfterValidator(fit_channels)]]
    recipe: dict[str, Any]
    recipe_id: str
    versions: dict[str, int]
    source: SourceRows
    model: dict[str, Any] | None
    files: list[FileEntry]
    content_hash: Sha256
    counts: dict[str, dict[str, int]]
    libraries: dict[str, str]
    created: str
    seconds: float = Field(ge=0, allow_inf_nan=False)
    semantic_version: str = Field(default="", pattern=r"^([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9})?$")
    exported_from: VersionEntry | None = None
    redrawn_from: tuple[VersionEntry, ...] = Field(
        default=(), exclude_if=lambda entries: not entries
    )
    left_out_from: VersionEntry | None = Field(default=None, exclude_if=lambda entry: entry is None)
    unlabelled: SourceRows | None = Field(default=None, exclude_if=lambda entry: entry is None)
    labelling: LabellingEntry | None = Field(default=None, exclude_if=lambda told: told is None)
    about: About | None = Field(default=None, exclude_if=lambda told: told is None)
    statistics: Statistics | None = None
    rejected: dict[str, dict[str, int]] | None = Field(
        default=None, exclude_if=lambda counts: counts is None
    )
    validation: ValidationEntry | None = Field(default=None, exclude_if=lambda entry: entry is None)
    class_rows: dict[str, int] | None = Field(default=None, exclude_if=lambda rows: rows is None)

    @model_validator(mode="after")
    def _can_be_read(self) -> "Manifest":
        paths = [entry.path for entry in self.files]
        if len({*paths, MANIFEST, CHECKSUMS}) < len(paths) + 2:
            raise ValueError("a file is listed twice, or lists itself")
        if math.prod(self.image_shape) > LARGEST_IMAGE:
            raise ValueError(f"an image of {self.image_shape} is larger than any that is read")
        if self.recipe.get("format") not in FORMATS:
            raise ValueError(f"there is no format {str(self.recipe.get('format'))[:80]!r}")
        if len(self.redrawn_from) != len(rejected_rows(self.recipe)):
            raise ValueError("it does not tell of each round of rejected rows whose rows they were")
        if (self.left_out_from is None) == bool(self.left_out):
            raise ValueError("it does not tell of which version rows were left out")
        if self.model is not None:
            ModelEntry.model_validate(self.model)
        return self

    @property
    def address(self) -> str:
        """What to call the version: ``digits-x10@v1``."""
        return f"{self.name}@{self.version}"

    @property
    def entry(self) -> VersionEntry:
        """What the manifest of another version says of this one, where it is made of its rows."""
        return VersionEntry(name=self.name, version=self.version, content_hash=self.content_hash)

    @property
    def croissant_version(self) -> str:
        """The semantic version, which manifests before exports did not hold."""
        return self.semantic_version or f"{self.version.removeprefix('v')}.0.0"

    def of_validation(self) -> "Manifest":
        """Return what holds of the validation images alone, in the same files.

        Raises:
            ValueError: there are none.
        """
        entry = self.validation
        if entry is None:
            raise ValueError("there are no validation images")
        return self.model_copy(
            update={
                "rows": len(entry.source.rows),
                "source": entry.source,
                "content_hash": entry.content_hash,
                "counts": {"original": entry.counts},
                "statistics": None,
                "unlabelled": None,
                "labelling": None,
                "rejected": None,
                "class_rows": None,
            }
        )

    @property
    def rejected_rows(self) -> list[list[int]]:
        """The rows that were rejected and drawn anew, round by round."""
        return rejected_rows(self.recipe)

    @property
    def left_out(self) -> list[int]:
        """The rows of ``left_out_from`` that this version is stored without."""
        return left_out_rows(self.recipe)

    @property
    def format(self) -> str:
        """The name of the format that stores the rows."""
        return str(self.recipe["format"])


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return manifest.json, readable by people, the same bytes for the same manifest."""
    values = manifest.model_dump(mode="json")
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    return (escaped_json(text) + "\n").encode()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the version in ``folder``.

    Raises:
        VerificationError: it is missing, unreadable or of a schema we do not know.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate(read_json(path, follow=False))
    except FileNotFoundError as error:
        raise VerificationError(
            path, "is missing, so this version is not complete", "Expand it again."
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else document_problem(error)
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
    labels = np.ascontiguousarray(rows.soft_label, dtype="<f4")
    pixels, shares = (_bytes_of(values) for values in (rows.image, labels))
    size, tail = rows.image[:1].nbytes, labels[:1].nbytes
    digests = []
    for row in range(len(rows)):
        digest = hashlib.sha256(pixels[row * size : (row + 1) * size])
        digest.update(shares[row * tail : (row + 1) * tail])
        digests.append(digest.digest())
    return b"".join(digests)


def _bytes_of(values: np.ndarray[Any, Any]) -> memoryview:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data


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
    """Measure one file of a version.

    Raises:
        ValueError: ``path`` leads out of ``folder``.
        OSError: it is not a regular file, or cannot be read.
    """
    with open_inside(folder, path) as file:
        size, sha256 = sha256_of(file)
    return FileEntry(path=path, size=size, sha256=sha256)


def is_as_listed(folder: Path, entry: FileEntry) -> bool:
    """Tell whether a file of a version is there and is the one that its manifest lists."""
    try:
        return file_entry(folder, entry.path) == entry
    except (OSError, ValueError):
        return False


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
