"""Which rows of which source: as they are recorded, found again, and refused where they changed."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import PurePath
from typing import Annotated, Any

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)

from augfactory.records import Colour, Int64Array, LeftOut, Source, SourceOptions, SourceSpec

SCHEME = "augfactory source 1"
PLAIN = SourceOptions(nested=False)  # what records without options were read by
LARGEST_NUMBER = 2**62  # fits int64, sums of two too
LARGEST_SIDE = 2**20

OnRows = Callable[[int], None]  # told of each block of rows that was read how many they were


def _path_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL is in no path")
    text.encode()  # half a letter, which no file can hold, raises a ValueError
    return text


def _options(options: SourceOptions) -> SourceOptions:
    for text in (options.root, options.file_column, options.label_column):
        if text is not None and len(_path_text(text)) > LARGEST_SIDE:
            raise ValueError("a text is too long")
    return replace(options, nested=bool(options.nested))


def _said(options: SourceOptions) -> dict[str, Any]:
    """Return the options that are not as they are when nothing is said."""
    plain = asdict(PLAIN)
    return {name: value for name, value in asdict(options).items() if value != plain[name]}


Row = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
PathText = Annotated[str, Field(max_length=LARGEST_SIDE), AfterValidator(_path_text)]
Options = Annotated[SourceOptions, AfterValidator(_options), PlainSerializer(_said)]


class SourceRows(BaseModel):
    """Rows of a source, with all that finds them again and tells whether they are still the same.

    Attributes:
        text: the SOURCE.
        split: "train", "test", "validation", or None where the source has no splits.
        size: (height, width) that its images were converted to, None for their own.
        colour: what they were converted to.
        fingerprint: of the pixels and labels of exactly these rows.
        rows: their numbers in the source. ``source_index`` of a dataset counts in this list.
        place: ``text`` as told from a version's folder (see ``store/places.py``); None where it
            has no place, or in manifests of before there were places.
        roots: where the rows were made themselves, for each the originals that it goes back to.
        options: what else it was opened by, as found; not kept where it is ``PLAIN``.
        skipped: images that are no rows because they could not be read; None where there are none.
    """

    model_config = ConfigDict(frozen=True)

    text: PathText
    split: str | None
    size: tuple[Side, Side] | None
    colour: Colour
    fingerprint: str
    rows: tuple[Row, ...] = Field(min_length=1)
    place: PathText | None = None
    roots: tuple[Annotated[tuple[Row, ...], Field(min_length=1)], ...] | None = None
    options: Options = Field(default=PLAIN, exclude_if=lambda options: options == PLAIN)
    skipped: tuple[LeftOut, ...] | None = Field(default=None, exclude_if=lambda names: not names)

    @model_validator(mode="after")
    def _roots_of_every_row(self) -> "SourceRows":
        if self.roots is not None and len(self.roots) != len(self.rows):
            raise ValueError("roots and rows are of different lengths")
        return self

    @property
    def numbers(self) -> Int64Array:
        """The rows as int64 [N]."""
        return np.asarray(self.rows, dtype=np.int64)

    @property
    def spec(self) -> SourceSpec:
        """How the source is opened; files of a table that were not there may still be missing."""
        skipped = self.skipped is not None
        return SourceSpec(
            self.text, self.size, self.colour, options=self.options, skip_broken=skipped
        )

    @property
    def groups(self) -> str:
        """What tells which rows go back to the same image, and are to be held out together."""
        return "source_index" if self.roots is None else "source.roots of manifest.json"

    @property
    def originals(self) -> int:
        """How many different images all of it goes back to."""
        if self.roots is None:
            return len(self.rows)
        return len({root for roots in self.roots for root in roots})

    @property
    def title(self) -> str:
        """What to call it before others: the end of a path, not where it was on some machine."""
        path = PurePath(self.text)
        if re.fullmatch(r"v\d+(:\w+)?", path.name):  # a version by its folder
            return f"{path.parent.name}/{path.name}"
        return path.name or self.text


def skipped_in_words(skipped: Sequence[LeftOut] | None, most: int = 5) -> str:
    """Say which images could not be read: "2 images: a.png (empty), b.png (cut)"; "" for none."""
    if not skipped:
        return ""
    named = ", ".join(f"{item.name} ({item.reason})" for item in skipped[:most])
    more = f" and {len(skipped) - most:,} more" if len(skipped) > most else ""
    return f"{len(skipped):,} {'image' if len(skipped) == 1 else 'images'}: {named}{more}"


def rows_of(
    spec: SourceSpec,
    source: Source,
    numbers: Int64Array | None = None,
    on_rows: OnRows | None = None,
    skipped: tuple[LeftOut, ...] = (),
) -> SourceRows:
    """Return the record of ``source``, which are the rows ``numbers`` of what ``spec`` names.

    ``numbers`` None says that it is all of it. ``skipped`` are images that could not be read.
    """
    return SourceRows(
        text=spec.text,
        split=source.split,
        size=spec.size,
        colour=spec.colour,
        fingerprint=fingerprint(source, on_rows),
        rows=tuple(range(len(source)) if numbers is None else numbers.tolist()),
        roots=roots_of(source),
        options=source.options,
        skipped=skipped or None,
    )


def roots_of(source: Source) -> tuple[tuple[int, ...], ...] | None:
    """Return for each row the originals that it goes back to; None where it is one itself."""
    if source.roots is None:
        return None
    return tuple(tuple(sorted({*row} - {-1})) for row in source.roots.tolist())


def fingerprint(source: Source, on_rows: OnRows | None = None) -> str:
    """Return the SHA-256, in hex, of a source's image shape, class names and rows in order.

    A row counts with its pixels (uint8, H·W·C) and then its soft label (little-endian float32, K).
    So a folder of PNGs, an npz and an HDF5 file of the same images and labels have one fingerprint.

    Args:
        source: read once, block by block.
        on_rows: see ``OnRows``.

    Raises:
        InputDataError: a row cannot be read.
    """
    head = {
        "scheme": SCHEME,
        "image_shape": list(source.image_shape),
        "class_names": list(source.class_names),
    }
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode() + b"\0")
    for rows in source.blocks():
        pixels = source.read_images(rows).reshape(len(rows), -1)
        shares = np.ascontiguousarray(source.read_soft_labels(rows), dtype="<f4")
        digest.update(np.concatenate([pixels, shares.view(np.uint8)], axis=1).tobytes())
        if on_rows is not None:
            on_rows(len(rows))
    return digest.hexdigest()
