"""What the manifest of a version consists of, each part checked: it may come from anybody."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from augfactory.guarded.files import check_relative
from augfactory.guarded.text import escaped, first_problem, problem_with_name
from augfactory.source_rows import LARGEST_NUMBER, PathText, SourceRows

LARGEST_IMAGE = 2**28  # bytes of pixels
MOST_CLASSES = 32_768
LONGEST_NAME = 255  # bytes, of a folder on most disks


def plain_name(name: str) -> str:
    """Return a name that a folder can have; raise ValueError for another."""
    problem = problem_with_name(name)
    if problem is None and (name in (".", "..") or "/" in name or "\\" in name):
        problem = "it is not a name of a folder"
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


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class FileEntry(BaseModel):
    """One file of a version: path relative to its folder, size in bytes, sha256."""

    model_config = ConfigDict(frozen=True)

    path: Annotated[str, AfterValidator(check_relative)]
    size: int = Field(ge=0, le=LARGEST_NUMBER)
    sha256: Sha256


class VersionEntry(BaseModel):
    """The version whose rows a dataset holds: in another format, or but for those rejected."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    content_hash: str


def rejected_rows(recipe: Mapping[str, Any]) -> list[list[int]]:
    """Return the rows that were rejected and drawn anew, round by round.

    ``recipe`` is that of a manifest; raise ValueError where it holds something else.
    """
    try:
        rounds = [[row for row, _ in pairs] for pairs in recipe.get("redrawn") or ()]
    except (TypeError, ValueError) as error:
        raise ValueError("'redrawn' is no list of rejected rows") from error
    if not all(type(row) is int and rows for rows in rounds for row in rows):
        raise ValueError("'redrawn' lists what is no row")
    return rounds


def left_out_rows(recipe: Mapping[str, Any]) -> list[int]:
    """Return the rows that a version is stored without.

    ``recipe`` is that of a manifest; raise ValueError where it holds something else.
    """
    rows = recipe.get("left_out") or []
    if not isinstance(rows, list) or not all(type(row) is int for row in rows):
        raise ValueError("'left_out' is no list of rows")
    return rows


def _told_text(text: str) -> str:
    problem = problem_with_name(text)
    if problem is not None:
        raise ValueError(f"this cannot be kept: {problem}")
    return text


ToldText = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_told_text)]


class About(BaseModel):
    """What its maker says of a dataset; nothing of it decides what is made, and no hash holds it.

    ``licence`` is a name such as "CC-BY-4.0", ``author`` whoever answers for it.
    """

    model_config = ConfigDict(frozen=True)

    licence: ToldText | None = None
    description: ToldText | None = None
    author: ToldText | None = None


class ModelEntry(BaseModel):
    """What must hold of the model that a dataset was made with; more may be told of it."""

    sha256: Sha256
    folder: PathText | None = None
    place: PathText | None = None
    architecture: str = ""
    latent: int = 0
    checkpoint: str | None = None
    trained_on: SourceRows | None = None
    unlabelled: SourceRows | None = None


class LabellingEntry(BaseModel):
    """How far the labels of unlabelled images are to be trusted.

    Attributes:
        round: of the classifiers whose labels they are, from 1 on.
        labelled, right: how many labelled images classifiers read that had not learnt them, of
            equal ones one, and how many of these right, in the first round.
        chance: the share of them, 0 to 1, that blind naming would read right.
        sureness: how sure, 0 to 1, they are of the labels that serve, on average.
        warnings: what makes the labels worth little, a sentence each.
    """

    model_config = ConfigDict(frozen=True)

    round: int = Field(ge=1, le=LARGEST_NUMBER)
    labelled: int = Field(ge=0, le=LARGEST_NUMBER)
    right: int = Field(ge=0, le=LARGEST_NUMBER)
    chance: float = Field(ge=0, le=1)
    sureness: float = Field(ge=0, le=1)
    warnings: tuple[str, ...] = ()


class ValidationEntry(BaseModel):
    """Images that are kept apart from training: originals of the source, or the user's own.

    Attributes:
        source: their rows, of the same source as the dataset's or of another.
        content_hash: of their pixels, labels and order, as that of the dataset.
        counts: class name -> images.
        share, folds, fold, seed: how originals were split; None where they are the user's own.
        group: what told which originals stay together, None where each is on its own.
        groups: how many groups there were.
    """

    model_config = ConfigDict(frozen=True)

    source: SourceRows
    content_hash: Sha256
    counts: dict[str, int]
    share: float | None = Field(default=None, gt=0, lt=1, exclude_if=lambda value: value is None)
    folds: int | None = Field(default=None, exclude_if=lambda value: value is None)
    fold: int | None = Field(default=None, exclude_if=lambda value: value is None)
    seed: int | None = Field(default=None, exclude_if=lambda value: value is None)
    group: str | None = Field(default=None, exclude_if=lambda value: value is None)
    groups: int | None = Field(default=None, exclude_if=lambda value: value is None)

    @property
    def in_words(self) -> str:
        """How the images were chosen."""
        if self.share is None and self.folds is None:
            return "the user's own, none of which is among the images that training rows go back to"
        chosen = (
            f"{self.share:g} of the originals"
            if self.folds is None
            else f"fold {self.fold} of {self.folds} of the originals"
        )
        by = f", whole groups by {escaped(self.group)!r}" if self.group is not None else ""
        return f"{chosen}{by}, split before anything was drawn"
