"""The figures of the report, each with words for those who do not see it."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augfactory.report.figures.arms_figure import arms_figure
from augfactory.report.figures.calibration_figures import reliability_figure
from augfactory.report.figures.class_figures import (
    MOST_DRAWN,
    confusion_figure,
    gains_figure,
    largest_error,
)
from augfactory.report.figures.curves_figure import curves_figure
from augfactory.report.figures.evaluation_figures import accuracy_figure
from augfactory.report.figures.letters import all_drawable, drawable
from augfactory.report.measured_arms import MeasuredArm
from augfactory.report.page_tables import Arm, Table, confused_pairs
from augfactory.report.tables import best_first

MOST_ARMS = 12  # with figures of their own
MOST_LINES, LONGEST_IN_LEGEND = 5, 24  # of the figure of accuracy against factor


@dataclass(frozen=True)
class Figure:
    """A picture in the page: words for those who do not see it, and its size in pixels."""

    title: str
    caption: str
    alt: str
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Choice:
    """How one arm confused the classes: as a figure or, for many classes, as a table."""

    name: str
    figure: Figure | None
    pairs: Table | None


@dataclass(frozen=True)
class _Spread:
    mean: float
    std: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class _Measured:
    """An arm as the accuracy figure wants it."""

    name: str
    factor: int | None
    rows: int
    accuracy: _Spread
    nll: _Spread
    seconds: _Spread


def embedded(png: bytes, title: str, caption: str, alt: str) -> Figure:
    """Return the picture as a data: URI; a PNG says its size in bytes 16 to 24."""
    return Figure(
        title=title,
        caption=caption,
        alt=alt,
        source=f"data:image/png;base64,{base64.b64encode(png).decode()}",
        width=int.from_bytes(png[16:20]),
        height=int.from_bytes(png[20:24]),
    )


def drawn_arms(document: Mapping[str, Any]) -> list[Arm]:
    """Return the arms that have figures of their own: the baseline, then the others in order."""
    arms = sorted(document["arms"], key=lambda arm: arm["name"] != document["baseline"])
    return arms[:MOST_ARMS]


def accuracy(document: Mapping[str, Any]) -> Figure | None:
    """Return accuracy against factor or, of many arms, by arm; None without a baseline."""
    arms = document["arms"]
    if document["baseline"] not in [arm["name"] for arm in arms]:
        return None
    names = all_drawable([arm["name"] for arm in arms])
    measured = [
        _Measured(
            name=name,
            factor=arm["factor"],
            rows=arm["rows"],
            accuracy=_spread(arm["accuracy"]),
            nll=_spread(arm["nll"]),
            seconds=_spread(arm["seconds"]),
        )
        for name, arm in zip(names, arms, strict=True)
    ]
    (baseline,) = (
        own.name
        for own, arm in zip(measured, arms, strict=True)
        if arm["name"] == document["baseline"]
    )
    subtitle = (
        f"{document['classifier']}, {document['settings']['steps']:,} steps; rings are the single "
        "classifiers, bars ± 1 standard deviation"
    )
    said = "; ".join(f"{arm['name']} {100 * arm['accuracy']['mean']:.1f} %" for arm in arms)
    return embedded(
        accuracy_png(measured, baseline, drawable(subtitle)),
        "Accuracy",
        "",
        f"Test accuracy of each arm, {document['baseline']} as a dashed line. {said}.",
    )


def accuracy_png(arms: Sequence[MeasuredArm], baseline: str, subtitle: str) -> bytes:
    """Return accuracy over the factors as a PNG, or arm by arm where they share a factor."""
    factors = {own.factor for own in arms if own.name != baseline}
    over_factors = len(factors - {None, 1}) > 1 and _few_lines(arms, baseline)
    draw = accuracy_figure if over_factors else arms_figure
    return draw(arms, baseline, subtitle)


def curves(document: Mapping[str, Any]) -> Figure | None:
    """Return the learning curves of the best arms, the baseline among them; None without any."""
    arms = best_first(document["arms"])
    arms.sort(key=lambda arm: arm["name"] != document["baseline"])
    if not any(arm["curve"]["steps"] for arm in arms):
        return None
    subtitle = (
        f"{document['classifier']}; bands ± 1 standard deviation, dotted on the training images"
    )
    said = "; ".join(_curve_in_words(arm) for arm in arms)
    overtaking = "; ".join(
        f"{arm['name']} from step {arm['overtook_baseline']:,}"
        for arm in arms
        if arm.get("overtook_baseline") is not None
    )
    return embedded(
        curves_figure(arms, document["baseline"], drawable(subtitle)),
        "Learning curves",
        f"Ahead of {document['baseline']} for good: {overtaking}." if overtaking else "",
        f"Accuracy of each arm against optimiser steps. {said}.",
    )


def _curve_in_words(arm: Arm) -> str:
    if arm["still_from"] is not None:
        return f"{arm['name']} stands still from step {arm['still_from']:,}"
    rise = arm["rise"]
    if rise is None:
        return f"{arm['name']} was trained too briefly to say"
    return f"{arm['name']} still rises, {100 * rise:+.1f} points in the last fifth"


def _few_lines(arms: Sequence[MeasuredArm], baseline: str) -> bool:
    """Say whether the lines over factors, and their names, have room beside each other."""
    lines = {
        arm.name.replace(f"-x{arm.factor}", "", 1): arm.factor
        for arm in arms
        if arm.name != baseline
    }
    apart = [name for name, factor in lines.items() if factor is None]
    shared = [name for name, factor in lines.items() if factor is not None]
    return (
        len(shared) <= MOST_LINES
        and len(apart) <= MOST_LINES
        and all(len(name) <= LONGEST_IN_LEGEND for name in shared)
    )


def _spread(spread: Mapping[str, Any]) -> _Spread:
    return _Spread(spread["mean"], spread["std"], tuple(spread["values"]))


def reliability(arm: Arm) -> Figure:
    """Return the reliability diagram of an arm."""
    bins, ece = arm["reliability"], arm["ece"]["mean"]
    rows = max(sum(bins["count"]), 1)
    confidence, accuracy = (
        100 * sum(n * value for n, value in zip(bins["count"], bins[name], strict=True)) / rows
        for name in ("confidence", "accuracy")
    )
    caption = f"confidence {confidence:.1f}, accuracy {accuracy:.1f} %"
    return embedded(
        reliability_figure(bins, ece),
        arm["name"],
        caption,
        f"Reliability diagram of {arm['name']}: expected calibration error {100 * ece:.1f} %, "
        f"mean {caption}.",
    )


def choices(document: Mapping[str, Any]) -> list[Choice]:
    """Return the confusions, those of the baseline first."""
    names: Sequence[str] = document["class_names"]
    arms = drawn_arms(document)
    if len(names) > MOST_DRAWN:
        return [Choice(arm["name"], None, confused_pairs(arm, names)) for arm in arms]
    reddest = largest_error([arm["confusion"] for arm in arms])
    return [Choice(arm["name"], _confusion(arm, names, reddest), None) for arm in arms]


def _confusion(arm: Arm, names: Sequence[str], reddest: float) -> Figure:
    worst = confused_pairs(arm, names).rows[:1]
    said = "".join(
        f" Most often {row.name} is taken for {row.cells[0].text}, "
        f"{row.cells[2].text} % of its rows."
        for row in worst
    )
    return embedded(
        confusion_figure(arm["confusion"], names, reddest),
        arm["name"],
        "",
        f"Confusion matrix of {arm['name']}, {100 * arm['accuracy']['mean']:.1f} % right.{said}",
    )


def gains(document: Mapping[str, Any]) -> list[Figure]:
    """Return what each class gained over the baseline: a figure for each other arm, one scale."""
    names: Sequence[str] = document["class_names"]
    arms = drawn_arms(document)
    if not arms or arms[0]["name"] != document["baseline"]:
        return []
    base, others = arms[0]["class_accuracy"], arms[1:]
    gains = [
        [
            None if own is None or was is None else 100 * (own - was)
            for own, was in zip(arm["class_accuracy"], base, strict=True)
        ]
        for arm in others
    ]
    limit = max((abs(gain) for own in gains for gain in own if gain is not None), default=1.0)
    return [
        embedded(
            gains_figure(own, names, limit), arm["name"], "", _gains_in_words(arm, own, document)
        )
        for arm, own in zip(others, gains, strict=True)
    ]


def _gains_in_words(arm: Arm, gains: Sequence[float | None], document: Mapping[str, Any]) -> str:
    known = [(gain, place) for place, gain in enumerate(gains) if gain is not None]
    said = f"Accuracy of {arm['name']} on each class less that of {document['baseline']}."
    if not known:
        return said
    (most, best), (least, worst) = max(known), min(known)
    names = document["class_names"]
    ends = f"Most for {names[best]}, {most:+.1f} points; least for {names[worst]}, {least:+.1f}."
    return f"{said} {ends}"
