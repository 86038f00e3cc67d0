"""The tables of the report, as the template shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from augfactory.report.tables import best_first, interval, mean_and_std

Arm = Mapping[str, Any]
SHOWN_PAIRS = 10
NOTHING = "–"


@dataclass(frozen=True)
class IntervalLine:
    """An interval to draw: places from 0 to 100, where 50 is no difference.

    ``low`` and ``high`` are equal where there is no interval. ``kind`` is "gain", "loss" or
    "unclear".
    """

    low: float
    mean: float
    high: float
    kind: str


@dataclass(frozen=True)
class Cell:
    """One cell: its text, the number behind it for sorting, and how it is shown.

    ``heat``, 0 to 1, is how strongly it is coloured.
    """

    text: str
    value: float | None = None
    heat: float | None = None
    line: IntervalLine | None = None


@dataclass(frozen=True)
class Column:
    """A head: what the column holds, in which unit, and which end is better."""

    title: str
    unit: str = ""


@dataclass(frozen=True)
class Row:
    """A line: what it is about, a remark on it, and a cell for each further column."""

    name: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table; the first of ``columns`` is that of the rows' names."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def main_table(document: Mapping[str, Any]) -> Table:
    """Return one row for each arm: accuracy, what it gained, and how far to trust it."""
    arms: Sequence[Arm] = document["arms"]
    scaled = any(arm["scaled"] for arm in arms)
    corrupted = next((arm["corruptions"] for arm in arms if arm["corruptions"]), None)
    columns = [
        Column("trained on"),
        Column("accuracy", "% ↑"),
        Column(f"difference from {document['baseline']}", "points [95 %]"),
        Column("NLL", "nats ↓"),
        Column("Brier", "0 to 2 ↓"),
        Column("ECE", "% ↓"),
    ]
    if scaled:
        columns.append(Column("ECE, scaled", "% ↓"))
    columns.append(Column("balanced accuracy", "% ↑"))
    if corrupted:
        columns.append(Column(f"error on {corrupted['title']}", "% ↓"))
    reach = _reach(arms)
    most = max((len(arm["seeds"]) for arm in arms), default=0)
    rows = []
    for arm in best_first(arms):
        cells = [
            _spread(arm["accuracy"], 100, 1),
            _difference(arm, "accuracy", 100, 1, reach),
            _spread(arm["nll"], 1, 3),
            _spread(arm["brier"], 1, 3),
            _spread(arm["ece"], 100, 1),
        ]
        if scaled:
            cells.append(_spread((arm["scaled"] or {}).get("ece"), 100, 1))
        cells.append(_spread(arm["balanced_accuracy"], 100, 1))
        if corrupted:
            cells.append(_share((arm["corruptions"] or {}).get("mean_error")))
        rows.append(Row(arm["name"], _note(arm, document["baseline"], most), tuple(cells)))
    caption = "Mean ± standard deviation over the classifiers of each arm."
    return Table(caption, tuple(columns), tuple(rows))


def overview_table(document: Mapping[str, Any]) -> Table:
    """Return accuracy by arm and by number of originals, with the lines of the differences."""
    groups = document["groups"]
    reach = _reach([arm for group in groups for arm in group["arms"]])
    found = [{arm["name"]: arm for arm in group["arms"]} for group in groups]
    rows = []
    for name in dict.fromkeys(name for own in found for name in own):
        arms = [own.get(name) for own in found]
        note = "baseline" if name == document["baseline"] else ""
        rows.append(Row(name, note, tuple(_accuracy_and_line(arm, reach) for arm in arms)))
    columns = tuple(Column(f"{group['n_train']:,} originals", "accuracy, %") for group in groups)
    caption = (
        f"Below each accuracy, its difference from {document['baseline']} with the 95 % interval "
        f"where there is one; the dotted line is no difference, all on one scale."
    )
    return Table(caption, (Column("trained on"), *columns), tuple(rows))


def further_table(document: Mapping[str, Any]) -> Table:
    """Return the measures that the first table leaves out."""
    arms: Sequence[Arm] = document["arms"]
    baseline = document["baseline"]
    others = [
        name for name in dict.fromkeys(name for arm in arms for name in arm.get("versus") or ())
        if name != baseline
    ]  # fmt: skip
    columns = [
        Column("trained on"),
        *(Column(f"difference from {name}", "points [95 %]") for name in others),
        Column(f"difference in NLL from {baseline}", "nats [95 %]"),
        Column("RMS calibration error", "% ↓"),
    ]
    scaled = any(arm["scaled"] for arm in arms)
    if scaled:
        columns += [
            Column("temperature"),
            Column("NLL, scaled", "nats ↓"),
            Column("Brier, scaled", "0 to 2 ↓"),
            Column("RMS calibration error, scaled", "% ↓"),
        ]
    columns.append(Column("training", "seconds"))
    rows = []
    for arm in arms:
        cells = [
            *(_gap((arm["versus"].get(name) or {}).get("accuracy"), 100, 1) for name in others),
            _difference(arm, "nll", 1, 3),
            _spread(arm["rms_calibration"], 100, 1),
        ]
        if scaled:
            own = arm["scaled"] or {}
            cells += [
                _spread(own.get("temperature"), 1, 2),
                _spread(own.get("nll"), 1, 3),
                _spread(own.get("brier"), 1, 3),
                _spread(own.get("rms_calibration"), 100, 1),
            ]
        cells.append(_spread(arm["seconds"], 1, 1))
        rows.append(Row(arm["name"], "", tuple(cells)))
    caption = "“Scaled” is after temperature scaling on the held-out images." if scaled else ""
    return Table(caption, tuple(columns), tuple(rows))


def corruption_table(document: Mapping[str, Any]) -> Table | None:
    """Return the error of each arm on each corruption; None where none was measured."""
    arms = [arm for arm in document["arms"] if arm["corruptions"]]
    if not arms:
        return None
    names = list(dict.fromkeys(name for arm in arms for name in arm["corruptions"]["errors"]))
    columns = (Column("corruption"), *(Column(arm["name"], "error, %") for arm in arms))
    errors = [[arm["corruptions"]["errors"].get(name) for arm in arms] for name in names]
    largest = max((error for line in errors for error in line if error is not None), default=1)
    rows = [Row("mean", "", tuple(_share(arm["corruptions"]["mean_error"]) for arm in arms))]
    apart = [arm["corruptions"]["mean_error_without_overlap"] for arm in arms]
    if any(error is not None for error in apart):
        note = "without those that AugMix trains on"
        rows.append(Row("mean", note, tuple(_share(error) for error in apart)))
    for name, line in zip(names, errors, strict=True):
        cells = tuple(_share(error, largest) for error in line)
        rows.append(Row(name.replace("_", " "), "", cells))
    caption = f"Error on {arms[0]['corruptions']['title']}, mean over severities and classifiers."
    return Table(caption, columns, tuple(rows))


def confused_pairs(arm: Arm, class_names: Sequence[str]) -> Table:
    """Return the pairs of classes that were confused most often, over all classifiers."""
    matrix = np.asarray(arm["confusion"])
    errors = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    order = np.argsort(-errors, axis=None, kind="stable")[:SHOWN_PAIRS]
    rows = []
    for true, taken in zip(*np.unravel_index(order, errors.shape), strict=True):
        times = int(errors[true, taken])
        if times:
            share = _share(times / int(matrix[true].sum()))
            cells = (Cell(class_names[taken]), Cell(f"{times:,}", times), share)
            rows.append(Row(class_names[true], "", cells))
    columns = (Column("true class"), Column("taken for"), Column("times"), Column("share", "%"))
    return Table("" if rows else "No test image was taken for another class.", columns, tuple(rows))


def _note(arm: Arm, baseline: str, classifiers: int) -> str:
    notes = [f"{arm['rows']:,} images"]
    if arm["name"] == baseline:
        notes.append("baseline")
    if arm["images_per_step"] > 1:
        notes.append(f"{arm['images_per_step']} images per step")
    if len(arm["seeds"]) < classifiers:
        notes.append(f"{len(arm['seeds'])} of {classifiers} classifiers")
    return ", ".join(notes)


def _spread(spread: Mapping[str, Any] | None, scale: float, digits: int) -> Cell:
    if spread is None:
        return Cell(NOTHING)
    return Cell(mean_and_std(spread, scale, digits), spread["mean"])


def _accuracy_and_line(arm: Arm | None, reach: float) -> Cell:
    if arm is None:
        return Cell(NOTHING)
    own, gap = _spread(arm["accuracy"], 100, 1), (arm["difference"] or {}).get("accuracy")
    return own if gap is None else replace(own, line=_line(gap, reach))


def _share(share: float | None, largest: float | None = None) -> Cell:
    if share is None:
        return Cell(NOTHING)
    return Cell(f"{100 * share:.1f}", share, None if not largest else share / largest)


def _difference(
    arm: Arm, measure: str, scale: float, digits: int, reach: float | None = None
) -> Cell:
    return _gap((arm["difference"] or {}).get(measure), scale, digits, reach)


def _gap(
    gap: Mapping[str, Any] | None, scale: float, digits: int, reach: float | None = None
) -> Cell:
    if gap is None:
        return Cell(NOTHING)
    line = None if reach is None else _line(gap, reach)
    return Cell(interval(gap, scale, digits), gap["mean"], line=line)


def _line(gap: Mapping[str, Any], reach: float) -> IntervalLine:
    low, high = (gap["mean"] if gap[end] is None else gap[end] for end in ("low", "high"))
    known = gap["low"] is not None and gap["high"] is not None
    kind = "gain" if known and low > 0 else "loss" if known and high < 0 else "unclear"
    left, middle, right = (round(50 + 46 * each / reach, 2) for each in (low, gap["mean"], high))
    return IntervalLine(left, middle, right, kind)


def _reach(arms: Sequence[Arm]) -> float:
    """Return how far the differences and their intervals go from 0."""
    gaps = [arm["difference"]["accuracy"] for arm in arms if arm["difference"]]
    ends = [abs(gap[end]) for gap in gaps for end in ("mean", "low", "high") if gap[end]]
    return max(ends, default=1.0)
