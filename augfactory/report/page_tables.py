"""The tables of the report, as the template shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.results import IN_WORDS, ArmSummary, StudyResults, Summary
from augfactory.report.tables import best_first, failed_in_words, interval, mean_and_std

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
class Row:
    """A line: what it is about, a remark on it, and a cell for each further column."""

    name: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table; ``columns`` are heads and units, the first that of the rows' names."""

    caption: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


def main_table(arms: Sequence[ArmSummary], baseline: str) -> Table:
    """Return one row for each arm: accuracy, what it gained, and how far to trust it."""
    scaled = any(arm.scaled for arm in arms)
    corrupted = next((arm.corruptions for arm in arms if arm.corruptions), None)
    columns = [
        ("trained on", ""),
        ("accuracy", "% ↑"),
        (f"difference{_measured(arms)} from {baseline}", "points [95 %]"),
        ("NLL", "nats ↓"),
        ("Brier", "0 to 2 ↓"),
        ("ECE", "% ↓"),
    ]
    if scaled:
        columns.append(("ECE, scaled", "% ↓"))
    columns.append(("balanced accuracy", "% ↑"))
    if corrupted:
        columns.append((f"error on {corrupted.title}", "% ↓"))
    reach = _reach(arms)
    most = max((len(arm.seeds) for arm in arms), default=0)
    rows = []
    for arm in best_first(arms):
        cells = [
            summary_cell(arm.accuracy, 100, 1),
            _gap(arm.gain, 100, 1, reach),
            summary_cell(arm.nll, 1, 3),
            summary_cell(arm.brier, 1, 3),
            summary_cell(arm.ece, 100, 1),
        ]
        if scaled:
            cells.append(summary_cell((arm.scaled or {}).get("ece"), 100, 1))
        cells.append(summary_cell(arm.balanced_accuracy, 100, 1))
        if corrupted:
            cells.append(share_cell(arm.corruptions.mean_error if arm.corruptions else None))
        rows.append(Row(arm.name, _note(arm, baseline, most), tuple(cells)))
    caption = "Mean ± standard deviation over the classifiers of each arm."
    return Table(caption, tuple(columns), tuple(rows))


def overview_table(results: StudyResults) -> Table:
    """Return accuracy by arm and by number of originals, with the lines of the differences."""
    reach = _reach([arm for group in results.groups for arm in group.arms])
    found = [{arm.name: arm for arm in group.arms} for group in results.groups]
    rows = []
    for name in dict.fromkeys(name for own in found for name in own):
        arms = [own.get(name) for own in found]
        note = "baseline" if name == results.baseline else ""
        rows.append(Row(name, note, tuple(_accuracy_and_line(arm, reach) for arm in arms)))
    columns = tuple((f"{group.n_train:,} originals", "accuracy, %") for group in results.groups)
    caption = (
        f"Below each accuracy, its difference from {results.baseline} with the 95 % interval "
        f"where there is one; the dotted line is no difference, all on one scale."
    )
    return Table(caption, (("trained on", ""), *columns), tuple(rows))


def further_table(arms: Sequence[ArmSummary], baseline: str) -> Table:
    """Return the measures that the first table leaves out."""
    names = dict.fromkeys(name for arm in arms for name in arm.versus)
    others = [name for name in names if name != baseline]
    columns = [
        ("trained on", ""),
        *((f"difference{_measured(arms)} from {name}", "points [95 %]") for name in others),
        (f"difference in NLL from {baseline}", "nats [95 %]"),
        ("RMS calibration error", "% ↓"),
    ]
    scaled = any(arm.scaled for arm in arms)
    if scaled:
        columns += [
            ("temperature", ""),
            ("NLL, scaled", "nats ↓"),
            ("Brier, scaled", "0 to 2 ↓"),
            ("RMS calibration error, scaled", "% ↓"),
        ]
    columns.append(("training", "seconds"))
    rows = []
    for arm in arms:
        cells = [
            *(_gap(arm.versus.get(name, {}).get(arm.measure), 100, 1) for name in others),
            _gap((arm.difference or {}).get("nll"), 1, 3),
            summary_cell(arm.rms_calibration, 100, 1),
        ]
        if scaled:
            own = arm.scaled or {}
            cells += [
                summary_cell(own.get("temperature"), 1, 2),
                summary_cell(own.get("nll"), 1, 3),
                summary_cell(own.get("brier"), 1, 3),
                summary_cell(own.get("rms_calibration"), 100, 1),
            ]
        cells.append(summary_cell(arm.seconds, 1, 1))
        rows.append(Row(arm.name, "", tuple(cells)))
    caption = "“Scaled” is after temperature scaling on the held-out images." if scaled else ""
    return Table(caption, tuple(columns), tuple(rows))


def confused_pairs(confusion: Sequence[Sequence[int]], class_names: Sequence[str]) -> Table:
    """Return the pairs of classes that were confused most often, over all classifiers."""
    matrix = np.asarray(confusion)
    errors = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    order = np.argsort(-errors, axis=None, kind="stable")[:SHOWN_PAIRS]
    rows = []
    for true, taken in zip(*np.unravel_index(order, errors.shape), strict=True):
        times = int(errors[true, taken])
        if times:
            share = share_cell(times / int(matrix[true].sum()))
            cells = (Cell(class_names[taken]), Cell(f"{times:,}", times), share)
            rows.append(Row(class_names[true], "", cells))
    columns = (("true class", ""), ("taken for", ""), ("times", ""), ("share", "%"))
    return Table("" if rows else "No test image was taken for another class.", columns, tuple(rows))


def _measured(arms: Sequence[ArmSummary]) -> str:
    """Return what differences are of, where that is not plain accuracy."""
    named = {arm.measure for arm in arms} - {"accuracy"}
    return "".join(f" in {IN_WORDS[measure]}" for measure in named)


def _note(arm: ArmSummary, baseline: str, classifiers: int) -> str:
    notes = [f"{arm.rows:,} images"]
    if arm.name == baseline:
        notes.append("baseline")
    if arm.images_per_step > 1:
        notes.append(f"{arm.images_per_step} images per step")
    if len(arm.seeds) < classifiers:
        notes.append(f"{len(arm.seeds)} of {classifiers} classifiers")
    if arm.collapsed:
        notes.append(failed_in_words(arm))
    return ", ".join(notes)


def summary_cell(values: Summary | None, scale: float, digits: int) -> Cell:
    """Return a mean and its standard deviation; a dash where there is none."""
    if values is None:
        return Cell(NOTHING)
    return Cell(mean_and_std(values, scale, digits), values.mean)


def _accuracy_and_line(arm: ArmSummary | None, reach: float) -> Cell:
    if arm is None:
        return Cell(NOTHING)
    own = summary_cell(arm.accuracy, 100, 1)
    return replace(own, line=_line(arm.gain, reach)) if arm.gain else own


def share_cell(share: float | None, largest: float | None = None) -> Cell:
    """Return a share in percent, coloured by how near it is to ``largest`` if that is given."""
    if share is None:
        return Cell(NOTHING)
    return Cell(f"{100 * share:.1f}", share, None if not largest else share / largest)


def _gap(gap: Difference | None, scale: float, digits: int, reach: float | None = None) -> Cell:
    if gap is None:
        return Cell(NOTHING)
    line = None if reach is None else _line(gap, reach)
    return Cell(interval(gap, scale, digits), gap.mean, line=line)


def _line(gap: Difference, reach: float) -> IntervalLine:
    low, high = (gap.mean if end is None else end for end in (gap.low, gap.high))
    kind = "unclear" if not gap.excludes_zero else "gain" if gap.mean > 0 else "loss"
    left, middle, right = (round(50 + 46 * each / reach, 2) for each in (low, gap.mean, high))
    return IntervalLine(left, middle, right, kind)


def _reach(arms: Sequence[ArmSummary]) -> float:
    """Return how far the differences and their intervals go from 0."""
    gaps = [arm.gain for arm in arms if arm.gain]
    ends = [abs(end) for gap in gaps for end in (gap.mean, gap.low, gap.high) if end]
    return max(ends, default=1.0)
