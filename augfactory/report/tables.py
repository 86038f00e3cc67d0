"""An evaluation as a table, in plain text or Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from augfactory.guarded.text import escaped

HEAD = ("trained on", "images", "accuracy %", "difference [95 %]", "", "NLL", "ECE %", "seconds")
CORRUPTED = "error on {title} %"


def table(document: Mapping[str, Any]) -> str:
    """Return one line for each arm of results.json, aligned for a terminal; the best comes first.

    Mean ± standard deviation over the classifiers. Accuracy and its difference from the baseline,
    with the 95 % interval, are in percent and percentage points, the negative log-likelihood in
    nats, the seconds those of training one classifier.
    """
    lines = cells(document)
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown_table(document: Mapping[str, Any]) -> str:
    """Return the same table in Markdown."""
    head, *lines = cells(document)
    rule = ["---", *["---:"] * (len(head) - 1)]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in (head, rule, *lines)]
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


def cells(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the head and one line for each arm."""
    arms: Sequence[Mapping[str, Any]] = document["arms"]
    corrupted = next((arm["corruptions"] for arm in arms if arm["corruptions"]), None)
    extra = () if corrupted is None else (CORRUPTED.format(title=escaped(corrupted["title"])),)
    head = (*HEAD[:-1], *extra, HEAD[-1])
    return [head, *(_line(arm, corrupted is not None) for arm in best_first(arms))]


def best_first(arms: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the arms by their mean accuracy, the highest first."""
    return sorted(arms, key=lambda arm: -arm["accuracy"]["mean"])


def _line(arm: Mapping[str, Any], with_corruptions: bool) -> tuple[str, ...]:
    difference = arm["difference"] and arm["difference"]["accuracy"]
    line = [
        escaped(arm["name"]),
        f"{arm['rows']:,}",
        mean_and_std(arm["accuracy"], 100, 1),
        interval(difference) if difference else "",
        told_apart(difference),
        mean_and_std(arm["nll"], 1, 3),
        mean_and_std(arm["ece"], 100, 1),
    ]
    if with_corruptions:
        errors = arm["corruptions"]
        line.append(f"{100 * errors['mean_error']:.1f}" if errors else "")
    return (*line, f"{arm['seconds']['mean']:,.1f}")


def told_apart(difference: Mapping[str, Any] | None) -> str:
    """Say in a word what a difference and its interval decide; nothing of the baseline itself."""
    if difference is None:
        return "baseline"
    if difference["low"] is None or difference["low"] <= 0 <= difference["high"]:
        return "undecided"
    return "better" if difference["mean"] > 0 else "worse"


def interval(difference: Mapping[str, Any], scale: float = 100, digits: int = 1) -> str:
    """Return ``+1.8 [+0.9, +2.7]``; without the brackets where there is but one pair."""
    mean = f"{scale * difference['mean']:+.{digits}f}"
    if difference["low"] is None:
        return mean
    low, high = scale * difference["low"], scale * difference["high"]
    return f"{mean} [{low:+.{digits}f}, {high:+.{digits}f}]"


def mean_and_std(spread: Mapping[str, Any], scale: float, digits: int) -> str:
    """Return ``86.5 ± 0.7``; without the second figure where there is but one value."""
    mean = f"{scale * spread['mean']:.{digits}f}"
    return mean if spread["std"] is None else f"{mean} ± {scale * spread['std']:.{digits}f}"
