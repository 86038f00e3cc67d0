"""The report's tables on corrupted images and on ensembles, as the template shows them."""

from collections.abc import Sequence
from dataclasses import replace

from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.report.page_tables import Cell, Row, Table, share_cell, summary_cell
from augfactory.report.tables import best_first


def corruption_table(arms: Sequence[ArmSummary]) -> Table | None:
    """Return the error of each arm on each corruption; None where none was measured."""
    measured = {arm.name: arm.corruptions for arm in arms if arm.corruptions}
    if not measured:
        return None
    names = list(dict.fromkeys(name for own in measured.values() for name in own.errors))
    columns = (("corruption", ""), *((name, "error, %") for name in measured))
    errors = [[own.errors.get(name) for own in measured.values()] for name in names]
    largest = max((error for line in errors for error in line if error is not None), default=1)
    rows = [Row("mean", "", tuple(share_cell(own.mean_error) for own in measured.values()))]
    apart = [own.mean_error_without_overlap for own in measured.values()]
    if any(error is not None for error in apart):
        note = "without those that AugMix trains on"
        rows.append(Row("mean", note, tuple(share_cell(error) for error in apart)))
    for name, line in zip(names, errors, strict=True):
        cells = tuple(share_cell(error, largest) for error in line)
        rows.append(Row(name.replace("_", " "), "", cells))
    title = next(iter(measured.values())).title
    caption = f"Error on {title}, mean over severities and classifiers."
    extra = next(iter(measured.values())).extra
    if extra:
        caption += f" Not in the mean, and only in corruptions.csv: {', '.join(extra)}."
    return Table(caption, columns, tuple(rows))


def ensemble_table(arms: Sequence[ArmSummary]) -> Table | None:
    """Return what several classifiers of each arm answer together; None where none were asked."""
    found = [(arm.name, arm.ensemble) for arm in best_first(arms) if arm.ensemble is not None]
    if not found:
        return None
    rows = [
        Row(
            name,
            f"{len(own.seeds)} ensemble{'s' * (len(own.seeds) != 1)}",
            (
                summary_cell(own.accuracy, 100, 1),
                summary_cell(own.gain, 100, 1),
                summary_cell(own.nll, 1, 3),
                summary_cell(own.brier, 1, 3),
                summary_cell(own.ece, 100, 1),
                summary_cell(own.rms_calibration, 100, 1),
                summary_cell(own.corruption_error, 100, 1),
            ),
        )
        for name, own in found
    ]
    columns = (
        ("trained on", ""), ("accuracy", "% ↑"), ("over one classifier", "points ↑"),
        ("NLL", "nats ↓"), ("Brier", "0 to 2 ↓"), ("ECE", "% ↓"), ("RMS calibration error", "% ↓"),
        ("error on corrupted images", "% ↓"),
    )  # fmt: skip
    caption = (
        f"{found[0][1].size} classifiers of an arm that differ in their seed, their probabilities "
        "averaged. No intervals are given: ensembles are few."
    )
    return Table(caption, columns, tuple(rows))


def severity_table(arms: Sequence[ArmSummary]) -> Table | None:
    """Return each arm's figures on clean images and at each severity; None where there are none."""
    measured = [(arm, arm.corruptions.severities) for arm in arms if arm.corruptions]
    if not any(severities for _, severities in measured):
        return None
    largest = max(each.error.mean for _, severities in measured for each in severities) or 1
    rows = []
    for arm, severities in measured:
        clean = [summary_cell(arm.nll, 1, 3), summary_cell(arm.ece, 100, 1)]
        error = 1 - arm.accuracy.mean
        first = Cell(f"{100 * error:.1f}", error, min(1.0, error / largest))
        rows.append(
            Row(arm.name, "clean", (first, *clean, summary_cell(arm.rms_calibration, 100, 1)))
        )
        for each in severities:
            cells = (
                replace(summary_cell(each.error, 100, 1), heat=each.error.mean / largest),
                summary_cell(each.nll, 1, 3),
                summary_cell(each.ece, 100, 1),
                summary_cell(each.rms_calibration, 100, 1),
            )
            rows.append(Row(arm.name, f"severity {each.severity}", cells))
    columns = (
        ("trained on", ""), ("error", "% ↓"), ("NLL", "nats ↓"), ("ECE", "% ↓"),
        ("RMS calibration error", "% ↓"),
    )  # fmt: skip
    caption = (
        "Means over the corruptions that have the severity; ± is the standard deviation over the "
        "classifiers. corruptions.csv has every corruption at every severity."
    )
    return Table(caption, columns, tuple(rows))
