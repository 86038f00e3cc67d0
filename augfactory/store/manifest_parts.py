"""What the manifest of a version consists of, each part checked: it may come from anybody."""

import re
from pathlib import PurePath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from augfactory.guarded.files import check_relative
from augfactory.guarded.text import escaped, first_problem, problem_with_name
from augfactory.records import Colour

LARGEST_NUMBER = 2**62  # fits int64, sums of two too
LARGEST_SIDE = 2**20
LARGEST_IMAGE = 2**28  # bytes of pixels
MOST_CLASSES = 32_768
LONGEST_NAME = 255  # bytes, of a folder on most disks


def plain_name(name: str) -> str:
    """Return a name that a folder can have; raise ValueError for another."""
    problem = problem_with_name(name)
    if problem is None and (name in (".", "..") or "/" in name or "\\" in name):
        problem = "it is no name of a folder"
    if problem is None and len(name.encode()) > LONGEST_NAME:
        problem = f"it has more than {LONGEST_NAME} bytes"
    if problem is not None:
        raise ValueError(f"{escaped(name)[:80]!r} cannot be a name: {problem}")
    return name


def fit_class_names(names: list[str]) -> list[str]:
    """Return names that all differ and can be kept; raise ValueError for others."""
    wrong = first_problem(names)
    if wrong is not None:
        raise ValueError(f"{wrong[0]!r} cannot be a class name: {wrong[1]}")
    if len(set(names)) < len(names):
        raise ValueError("two classes have one name")
    return names


def fit_channels(number: int) -> int:
    """Return 1 or 3; raise ValueError for another number of channels."""
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
    unlabelled: SourceEntry | None = None
