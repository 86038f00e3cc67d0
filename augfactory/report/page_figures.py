"""The figures of the report, each with words for those who do not see it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from augfactory.evaluation.comparison.results import ArmSummary, Results, StudyResults
from augfactory.report.figures.arms_figure import arms_figure
from augfactory.report.figures.calibration_figures import reliability_figure
from augfactory.report.figures.class_figures import (
    MOST_DRAWN,
    confusion_figure,
    gains_figure,
    largest_error,
)
from augfactory.report.figures.curves_figure import curves_figure
from augfactory.report.figures.epochs_figure import epochs_figure
from augfactory.report.figures.evaluation_figures import accuracy_figure
from augfactory.report.figures.letters import all_drawable, drawable
from augfactory.report.page_tables import Table, confused_pairs
from augfactory.report.tables import best_first

MOST_ARMS = 12  # with figures of their own
MOST_LINES, LONGEST_IN_LEGEND = 5, 24  # of the figure of accuracy against factor


@dataclass(frozen=True)
class Picture:
    """A picture in the page: what is to be seen, and words for those who do not see it."""

    title: str
    caption: str
    png: bytes
    words: str = ""

    @property
    def alt(self) -> str:
        """The words instead of the picture."""
        return self.words or f"{self.title}. {self.caption}".strip()

    @property
    def source(self) -> str:
        """The PNG as a data: URI."""
        return data_uri(self.png)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, which a PNG says in bytes 16 to 24."""
        return int.from_bytes(self.png[16:20]), int.from_bytes(self.png[20:24])


def data_uri(png: bytes) -> str:
    """Return a PNG as a data: URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def drawn_arms(arms: Sequence[ArmSummary], baseline: str) -> list[ArmSummary]:
    """Return the arms that have figures of their own: the baseline, then the others in order."""
    return sorted(arms, key=lambda arm: arm.name != baseline)[:MOST_ARMS]


def accuracy(arms: Sequence[ArmSummary], results: Results | StudyResults) -> Picture | None:
    """Return accuracy against factor or, of many arms, by arm; None without a baseline."""
    place = next((n for n, arm in enumerate(arms) if arm.name == results.baseline), None)
    if place is None:
        return None
    names = all_drawable([arm.name for arm in arms])
    named = [arm.model_copy(update={"name": name}) for name, arm in zip(names, arms, strict=True)]
    subtitle = (
        f"{results.classifier}, {results.settings['steps']:,} steps; rings are the single "
        "classifiers, bars ± 1 standard deviation"
    )
    said = "; ".join(f"{arm.name} {100 * arm.accuracy.mean:.1f} %" for arm in arms)
    return Picture(
        "Accuracy",
        "",
        accuracy_png(named, names[place], drawable(subtitle)),
        f"Test accuracy of each arm, {results.baseline} as a dashed line. {said}.",
    )


def accuracy_png(arms: Sequence[ArmSummary], baseline: str, subtitle: str) -> bytes:
    """Return accuracy over the factors as a PNG, or arm by arm where they share a factor."""
    factors = {own.factor for own in arms if own.name != baseline}
    over_factors = len(factors - {None, 1}) > 1 and _few_lines(arms, baseline)
    draw = accuracy_figure if over_factors else arms_figure
    return draw(arms, baseline, subtitle)


def curves(arms: Sequence[ArmSummary], results: Results | StudyResults) -> Picture | None:
    """Return the learning curves of the best arms, the baseline among them; None without any."""
    if not any(arm.curve.steps for arm in arms):
        return None
    ordered = sorted(best_first(arms), key=lambda arm: arm.name != results.baseline)
    subtitle = f"{results.classifier}; bands ± 1 standard deviation, dotted on the training images"
    said = "; ".join(_curve_in_words(arm) for arm in ordered)
    overtaking = "; ".join(
        f"{arm.name} from step {arm.overtook_baseline:,}"
        for arm in ordered
        if arm.overtook_baseline is not None
    )
    return Picture(
        "Learning curves",
        f"Ahead of {results.baseline} for good: {overtaking}." if overtaking else "",
        curves_figure(ordered, results.baseline, drawable(subtitle)),
        f"Accuracy of each arm against optimiser steps. {said}.",
    )


def epochs(arms: Sequence[ArmSummary], results: Results | StudyResults) -> Picture | None:
    """Return accuracy and loss of training and test against epochs; None where nobody kept them."""
    known = [arm for arm in best_first(arms) if arm.curve.batch_loss and arm.curve.epochs]
    if not known:
        return None
    ordered = sorted(known, key=lambda arm: arm.name != results.baseline)
    said = "; ".join(
        f"{arm.name} {100 * arm.curve.batch_accuracy[-1]:.1f} % on its batches and "
        f"{100 * arm.curve.accuracy[-1]:.1f} % on the test images after "
        f"{arm.curve.epochs[-1]:.4g} epochs"
        for arm in ordered
    )
    return Picture(
        "Training and test, epoch by epoch",
        "An epoch is a pass over the arm's own set. Dotted: the batches while they are learnt, "
        "varied and mixed, against the class of the largest share; their loss is what is "
        "minimised.",
        epochs_figure(ordered, results.baseline, drawable(results.classifier)),
        f"Accuracy and loss of each arm against epochs. {said}.",
    )


def _curve_in_words(arm: ArmSummary) -> str:
    if arm.still_from is not None:
        return f"{arm.name} is at its plateau from step {arm.still_from:,}"
    if arm.rise is None:
        return f"{arm.name} was trained too briefly to say"
    return f"{arm.name} still rises, {100 * arm.rise:+.1f} points in the last fifth"


def _few_lines(arms: Sequence[ArmSummary], baseline: str) -> bool:
    """Say whether the lines over factors, and their names, have room beside each other."""
    others = [arm for arm in arms if arm.name != baseline]
    apart = [arm for arm in others if arm.factor is None]
    shared = {arm.series or arm.name for arm in others if arm.factor is not None}
    return (
        len(shared) <= MOST_LINES
        and len(apart) <= MOST_LINES
        and all(len(name) <= LONGEST_IN_LEGEND for name in shared)
    )


def reliability(arm: ArmSummary) -> Picture:
    """Return the reliability diagram of an arm."""
    bins, ece = arm.reliability, arm.ece.mean
    rows = max(sum(bins.count), 1)
    confidence, accuracy = (
        100 * sum(n * value for n, value in zip(bins.count, values, strict=True)) / rows
        for values in (bins.confidence, bins.accuracy)
    )
    caption = f"confidence {confidence:.1f}, accuracy {accuracy:.1f} %"
    return Picture(
        arm.name,
        caption,
        reliability_figure(bins, ece),
        f"Reliability diagram of {arm.name}: expected calibration error {100 * ece:.1f} %, "
        f"mean {caption}.",
    )


def confusions(
    arms: Sequence[ArmSummary], names: Sequence[str]
) -> list[tuple[str, Picture | None, Table | None]]:
    """Return the name and the confusions of each arm: a figure or, of many classes, a table."""
    if len(names) > MOST_DRAWN:
        return [(arm.name, None, confused_pairs(arm.confusion, names)) for arm in arms]
    reddest = largest_error([arm.confusion for arm in arms])
    return [(arm.name, _confusion(arm, names, reddest), None) for arm in arms]


def _confusion(arm: ArmSummary, names: Sequence[str], reddest: float) -> Picture:
    worst = confused_pairs(arm.confusion, names).rows[:1]
    said = "".join(
        f" Most often {row.name} is taken for {row.cells[0].text}, "
        f"{row.cells[2].text} % of its rows."
        for row in worst
    )
    return Picture(
        arm.name,
        "",
        confusion_figure(arm.confusion, names, reddest),
        f"Confusion matrix of {arm.name}, {100 * arm.accuracy.mean:.1f} % right.{said}",
    )


def gains(arms: Sequence[ArmSummary], baseline: str, names: Sequence[str]) -> list[Picture]:
    """Return what each class gained over the baseline, the first of the arms, on one scale."""
    if not arms or arms[0].name != baseline:
        return []
    base, others = arms[0].class_accuracy, arms[1:]
    gains = [
        [
            None if own is None or was is None else 100 * (own - was)
            for own, was in zip(arm.class_accuracy, base, strict=True)
        ]
        for arm in others
    ]
    limit = max((abs(gain) for own in gains for gain in own if gain is not None), default=1.0)
    return [
        Picture(
            arm.name,
            "",
            gains_figure(own, names, limit),
            f"Accuracy of {arm.name} on each class less that of {baseline}."
            + _ends_in_words(own, names),
        )
        for arm, own in zip(others, gains, strict=True)
    ]


def _ends_in_words(gains: Sequence[float | None], names: Sequence[str]) -> str:
    known = [(gain, place) for place, gain in enumerate(gains) if gain is not None]
    if not known:
        return ""
    (most, best), (least, worst) = max(known), min(known)
    return f" Most for {names[best]}, {most:+.1f} points; least for {names[worst]}, {least:+.1f}."
