"""The manifest of a dataset version: what it is, what it was made from, and every file's hash."""

import hashlib
import json
import math
import os
import platform
import re
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from augfactory.errors import VerificationError
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import check_relative, open_inside, sha256_of
from augfactory.guarded.text import escaped, escaped_json, first_problem, problem_with_name
from augfactory.records import Colour, Rows
from augfactory.store.formats import FORMATS
from augfactory.store.statistics import Statistics

MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"
PLAN = "plan.parquet"
SCHEMA_VERSION = 1
LARGEST_NUMBER = 2**62  # fits int64, sums of two too
LARGEST_SIDE = 2**20
LARGEST_IMAGE = 2**28  # bytes of pixels
MOST_CLASSES = 32_768
LONGEST_NAME = 255  # bytes, of a folder on most disks
RECORDED_LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "opencv-python-headless",
    "h5py",
    "pillow",
    "pyarrow",
)


def _plain_name(name: str) -> str:
    problem = problem_with_name(name)
    if problem is None and (name in (".", "..") or "/" in name or "\\" in name):
        problem = "it is no name of a folder"
    if problem is None and len(name.encode()) > LONGEST_NAME:
        problem = f"it has more than {LONGEST_NAME} bytes"
    if problem is not None:
        raise ValueError(f"{escaped(name)[:80]!r} cannot be a name: {problem}")
    return name


def _class_names(names: list[str]) -> list[str]:
    wrong = first_problem(names)
    if wrong is not None:
        raise ValueError(f"{wrong[0]!r} cannot be a class name: {wrong[1]}")
    if len(set(names)) < len(names):
        raise ValueError("two classes have one name")
    return names


def _channels(number: int) -> int:
    if number not in (1, 3):
        raise ValueError(f"images have 1 or 3 channels, not {number}")
    return number


def _path_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL is in no path")
    text.encode()  # half a letter, which no file can hold, raises a ValueError
    return text


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Row = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
PathText = Annotated[str, Field(max_length=LARGEST_SIDE), AfterValidator(_path_text)]


class FileEntry(BaseModel):
    """One file of a version: path relative to its folder, size in bytes, sha256."""

    model_config = ConfigDict(frozen=True)

    path: Annotated[str, AfterValidator(check_relative)]
    size: int = Field(ge=0, le=LARGEST_NUMBER)
    sha256: Sha256


class SourceEntry(BaseModel):
    """The images a dataset was made from.

    ``rows`` are row numbers of the source named by ``text``; ``source_index`` in the dataset counts
    positions in this list. ``fingerprint`` covers the pixels and labels of exactly these rows.
    ``place`` is ``text`` as told from the version's folder (see ``places.py``); None where it lies
    in no place, or in manifests of before there were places. ``roots`` is there where the rows were
    made themselves: for each the originals that it goes back to.
    """

    model_config = ConfigDict(frozen=True)

    text: PathText
    split: str | None
    size: tuple[Side, Side] | None
    colour: Colour
    fingerprint: str
    rows: list[Row] = Field(min_length=1)
    place: PathText | None = None
    roots: list[Annotated[list[Row], Field(min_length=1)]] | None = None

    @model_validator(mode="after")
    def _one_list_of_roots_a_row(self) -> "SourceEntry":
        if self.roots is not None and len(self.roots) != len(self.rows):
            raise ValueError("roots and rows are of different lengths")
        return self

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


class ModelEntry(BaseModel):
    """What must hold of the model that a dataset was made with; more may be told of it."""

    sha256: Sha256
    folder: PathText | None = None
    place: PathText | None = None
    architecture: str = ""
    latent: int = 0
    checkpoint: str | None = None
    trained_on: SourceEntry | None = None


class Manifest(BaseModel):
    """manifest.json; its presence means that the version is complete.

    ``versions`` are those of the rendering and the methods that made it; they are part of
    ``recipe_id``, which a later program can so check against its own newer ones.
    ``semantic_version`` is MAJOR.MINOR.PATCH as Croissant means it: a new PATCH holds the same
    data, stored in another way. ``statistics`` is None in manifests of before there were any.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int
    name: Annotated[str, AfterValidator(_plain_name)]
    version: str = Field(pattern=r"^v[1-9][0-9]{0,8}$")
    rows: int = Field(ge=1, le=LARGEST_NUMBER)
    class_names: Annotated[
        list[str], Field(min_length=1, max_length=MOST_CLASSES), AfterValidator(_class_names)
    ]
    image_shape: tuple[Side, Side, Annotated[int, AfterValidator(_channels)]]
    recipe: dict[str, Any]
    recipe_id: str
    versions: dict[str, int]
    source: SourceEntry
    model: dict[str, Any] | None
    files: list[FileEntry]
    content_hash: Sha256
    counts: dict[str, dict[str, int]]
    libraries: dict[str, str]
    created: str
    seconds: float = Field(ge=0, allow_inf_nan=False)
    semantic_version: str = Field(default="", pattern=r"^([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9})?$")
    exported_from: ExportEntry | None = None
    statistics: Statistics | None = None

    @model_validator(mode="after")
    def _can_be_read(self) -> "Manifest":
        paths = [entry.path for entry in self.files]
        if len({*paths, MANIFEST, CHECKSUMS}) < len(paths) + 2:
            raise ValueError("a file is listed twice, or lists itself")
        if math.prod(self.image_shape) > LARGEST_IMAGE:
            raise ValueError(f"an image of {self.image_shape} is larger than any that is read")
        if self.recipe.get("format") not in FORMATS:
            raise ValueError(f"there is no format {str(self.recipe.get('format'))[:80]!r}")
        if self.model is not None:
            ModelEntry.model_validate(self.model)
        return self

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
    """Measure one file of a version.

    Raises:
        ValueError: ``path`` leads out of ``folder``.
        OSError: it is no regular file, or cannot be read.
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


def _first_problem(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
