"""Where one row of a dataset version comes from."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands.opening.opening import spec_of
from augfactory.commands.opening.sheet import row_sheet
from augfactory.commands.versions.rows.planned_rows import drawn_of, planned_rows
from augfactory.errors import AugfactoryError, RecipeError
from augfactory.guarded.text import escaped
from augfactory.records import Source, SourceSpec
from augfactory.source_rows import SourceRows, fingerprint
from augfactory.sources.opening import open_source
from augfactory.sources.unlabelled import open_unlabelled
from augfactory.store.beside.left_out_table import IS_LEFT_OUT, PARENTS_BEFORE, ROW_BEFORE
from augfactory.store.disk.atomic import write_file
from augfactory.store.reader import Version, open_version
from augfactory.store.versions import find_version


@dataclass(frozen=True)
class Parent:
    """A source image that went into a row.

    Attributes:
        source_index: its position among the source rows that the version was made from, and behind
            these among its unlabelled images.
        source_row: its row number in the source, or in that of the unlabelled images.
        name: what the source calls it; None where the source cannot be opened.
        row: the row of the version that was mixed in its place; None where it was itself.
        weight: its share of the label, float32.
        left_out: the row of ``left_out_from`` that was mixed in its place and is left out; None
            where there is none.
    """

    source_index: int
    source_row: int
    name: str | None
    row: int | None
    weight: float
    left_out: int | None = None


@dataclass(frozen=True)
class RowInfo:
    """One row: what made it and from what.

    ``label`` maps class name -> share, where there is one. ``drawn`` holds every number that was
    drawn for the row, by its name in plan.parquet. Where the version is stored without rows of
    another, ``left_out_from`` names that, and ``row_before`` is the row's number there.
    """

    dataset: str
    row: int
    method: str
    round: int
    view: int
    label: dict[str, float]
    parents: tuple[Parent, ...]
    drawn: dict[str, float]
    left_out_from: str | None = None
    row_before: int | None = None


def info_row(text: str, row: int, out: Path | None = None) -> RowInfo:
    """Return where ``row`` of the version that ``text`` names comes from.

    With ``out`` a PNG is written there that shows the row beside what it was made from.

    Raises:
        InputDataError: there is no such version.
        VerificationError: its files cannot be read.
        RecipeError: it has no such row.
    """
    version = open_version(find_version(text))
    if not 0 <= row < len(version.source):
        raise RecipeError(
            f"--row {row}",
            f"{version.address} has {len(version.source):,} rows",
            f"Give 0 to {len(version.source) - 1}.",
        )
    planned = planned_rows(version, [row])[0]
    if out is not None:
        write_file(out, row_sheet(version, row))
    shares = version.source.read_soft_labels(np.array([row]))[0].tolist()
    names, whole = version.source.class_names, version.manifest.left_out_from
    return RowInfo(
        dataset=version.address,
        row=row,
        method=str(version.methods[row]),
        round=int(version.rounds[row]),
        view=int(version.views[row]),
        label={name: share for name, share in zip(names, shares, strict=True) if share > 0},
        parents=_parents(version, row, planned),
        drawn=drawn_of(planned),
        left_out_from=None if whole is None else f"{whole.name}@{whole.version}",
        row_before=planned.get(ROW_BEFORE),
    )


def _parents(version: Version, row: int, planned: dict[str, Any]) -> tuple[Parent, ...]:
    labelled, more = version.manifest.source.rows, version.manifest.unlabelled
    rows = labelled if more is None else [*labelled, *more.rows]
    source = _opened(version, version.manifest.source, open_source)
    if source is not None and source.class_names != version.source.class_names:
        source = None
    unlabelled = _opened(version, more, open_unlabelled)
    mixed = planned.get("parent_row") or [-1] * version.source_index.shape[1]
    before = planned.get(PARENTS_BEFORE) or mixed
    parents = []
    for index, weight, parent_row, row_before in zip(
        version.source_index[row].tolist(),
        version.weight[row].tolist(),
        mixed,
        before,
        strict=True,
    ):
        if index < 0:
            continue
        source_row = rows[index]
        opened = source if index < len(labelled) else unlabelled
        if opened is not None and not _is_still(version, index, opened, source_row):
            opened = None
        parents.append(
            Parent(
                source_index=index,
                source_row=source_row,
                name=opened.row_name(source_row) if opened is not None else None,
                row=parent_row if parent_row >= 0 else None,
                weight=weight,
                left_out=row_before if parent_row == IS_LEFT_OUT else None,
            )
        )
    return tuple(parents)


def _is_still(version: Version, index: int, source: Source, source_row: int) -> bool:
    """Tell whether a row of the source is still the image that the version was made from.

    The version holds most such images as they were. Of one that it does not hold, all that was
    recorded has to be as it was.
    """
    as_they_were = (version.methods == "original") | (
        (version.methods == "pseudo-label") & (version.rounds == 0)
    )
    held = np.flatnonzero(as_they_were & (version.source_index[:, 0] == index))
    entry, more = version.manifest.source, version.manifest.unlabelled
    if index >= len(entry.rows) and more is not None:
        entry = more
    try:
        if len(held):
            now = source.read_images(np.array([source_row]))
            return np.array_equal(version.source.read_images(held[:1]), now)
        return fingerprint(source.restricted_to(entry.numbers)) == entry.fingerprint
    except AugfactoryError:
        return False  # an image is gone


def _opened(
    version: Version, entry: SourceRows | None, open_source: Callable[[SourceSpec], Source]
) -> Source | None:
    """Return what the version was made from; None where that is gone or clearly another now."""
    if entry is None:
        return None
    try:
        source = open_source(spec_of(entry, version.folder))
    except AugfactoryError:
        return None  # a dataset outlives its source
    return source if len(source) > max(entry.rows) else None


def as_json(found: RowInfo) -> dict[str, Any]:
    """Return the row as plain values."""
    return asdict(found)


def as_text(found: RowInfo) -> str:
    """Return what a person wants to know of the row."""
    label = ", ".join(f"{name} {share:.4g}" for name, share in found.label.items())
    before = ""
    if found.row_before is not None:
        before = f", row {found.row_before} of {found.left_out_from}"
    lines = [
        f"{found.dataset} row {found.row}{before}",
        f"method    {found.method}, round {found.round}, view {found.view}",
        f"label     {label}",
    ]
    for number, parent in enumerate(found.parents, 1):
        name = f", {parent.name}" if parent.name is not None else ""
        made = f", as row {parent.row} of this version" if parent.row is not None else ""
        if parent.left_out is not None:
            made = f", as row {parent.left_out} of {found.left_out_from}, which is left out here"
        lines.append(
            f"parent {number}  weight {parent.weight:.4g}: source row {parent.source_row}{name} "
            f"(position {parent.source_index}){made}"
        )
    if found.drawn:
        widest = max(map(len, found.drawn))
        lines.append("drawn")
        for name, value in found.drawn.items():
            shown = str(value)
            if isinstance(value, float):
                shown = f"{value:.0f}" if value.is_integer() else f"{value:.6g}"
            lines.append(f"  {name:<{widest}}  {shown}")
    return "\n".join(map(escaped, lines))  # what breaks a line came from the data
