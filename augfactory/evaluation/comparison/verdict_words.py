"""A verdict in sentences: what to train on, how sure that is, and what nobody can tell yet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from augfactory.evaluation.comparison.intervals import Difference
from augfactory.evaluation.comparison.results import IN_WORDS, ArmSummary, Verdict

POINT = 0.01  # of accuracy
MOST_SEEDS = 200
TOO_SURE = 0.05  # that probabilities are above or below the share that is right
GUESSING = 1.96  # standard errors above chance that answers must be to be more than guesses
SINGLE = "One training of each arm decides nothing: ask for more seeds."
ALL_RISE = "All arms still rise: more steps may change the order."
EARLY = f"It is too early to tell. {ALL_RISE}"
NOTHING = (
    "Nothing was learnt here: every training failed, so that no arm can be recommended. Train for "
    "longer, with another --classifier, or look at the images and labels."
)


def in_words(
    verdict: Verdict, arms: Sequence[ArmSummary], gaps: Mapping[str, Difference]
) -> Verdict:
    """Return the verdict with its lead and its text in sentences, accuracies in points.

    ``gaps`` are the differences of the other arms from the baseline.
    """
    if all(len(arm.collapsed) == len(arm.seeds) for arm in arms):
        text = f"{NOTHING} {arms[0].name}: {arms[0].collapsed[0]}."
        return replace(verdict, lead=NOTHING, text=text)
    baseline = verdict.baseline
    said = [SINGLE] if verdict.smallest_difference is None else []
    all_rise = len(verdict.rising) == len(arms)
    early = all_rise and verdict.gain is None
    if verdict.gain is not None:
        said.append(f"Use {verdict.use} ({points(verdict.gain, verdict)} over {baseline}).")
    elif early:
        said.append(f"{EARLY} Until then use {baseline}: nothing here is surely better.")
    else:
        said.append(f"Use {baseline}: nothing here is surely better.")
    lead = " ".join(said)
    others = [name for name in verdict.better if name != verdict.use]
    if others:
        said.append(f"Also better: {_listed(others, gaps)}.")
    if verdict.worse:
        said.append(f"{'Behind so far' if early else 'Leave out'} {_listed(verdict.worse, gaps)}.")
    if verdict.undecided:
        said.append(f"Not decided: {_listed(verdict.undecided, gaps)}.")
    said += _rising(verdict, all_rise=all_rise)
    said += _failed(verdict)
    used = next(arm for arm in arms if arm.name == verdict.use)
    said += [*_guesses(used, verdict), *_otherwise(verdict), *_sureness(used)]
    if verdict.smallest_difference is not None:
        seconds = sum(arm.seconds.mean for arm in arms)
        said.append(_sharpness(verdict, verdict.smallest_difference, len(used.seeds), seconds))
    return replace(verdict, lead=lead, text=" ".join(said))


def lead_and_rest(text: str, lead: str) -> tuple[str, ...]:
    """Return ``text`` up to the end of its ``lead``, and what follows it, if anything does."""
    before, lead, after = text.partition(lead or text)
    return tuple(filter(None, (before + lead, after.strip())))


def _rising(verdict: Verdict, *, all_rise: bool) -> list[str]:
    if all_rise:
        return [ALL_RISE] if verdict.gain is not None else []
    if not verdict.rising:
        return []
    named = ", ".join(
        name if rise is None else f"{name} ({100 * rise:+.1f} in the last fifth)"
        for name, rise in verdict.rising.items()
    )
    return [f"Still rising: {named}; more steps may change the order."]


def _failed(verdict: Verdict) -> list[str]:
    if not verdict.collapsed:
        return []
    failed = ", ".join(f"{count} of {name}" for name, count in verdict.collapsed.items())
    said = [f"Failed trainings, counted as they are: {failed}."]
    if verdict.without_collapsed is not None:
        said.append(f"Without them it would be {verdict.without_collapsed}.")
    return said


def _guesses(arm: ArmSummary, verdict: Verdict) -> list[str]:
    """Say that the arm to use reads the test images no better than by guessing, where so it is."""
    rows = np.asarray(arm.confusion).sum(axis=1) / len(arm.seeds)
    rows = rows[rows > 0]
    chance = 1 / len(rows)
    error = float((chance * (1 - chance) / rows).sum() ** 0.5 / len(rows))  # classes alike
    if len(rows) < 2 or arm.compared.mean > chance + GUESSING * error:
        return []
    return [
        f"But it reads the test images no better than by guessing: {100 * arm.compared.mean:.1f} % "
        f"{IN_WORDS[verdict.measure]} on {verdict.test_images:,} of {len(rows)} classes."
    ]


def _otherwise(verdict: Verdict) -> list[str]:
    said = []
    if verdict.by_accuracy is not None:
        said.append(
            "By plain accuracy, which the classes of many images decide, it would be "
            f"{verdict.by_accuracy}."
        )
    if verdict.by_nll is not None:
        said.append(f"By NLL, in which sure mistakes count most, it would be {verdict.by_nll}.")
    return said


def _sureness(arm: ArmSummary) -> list[str]:
    """Say how far the probabilities of the arm to use are from the share that is right."""
    count = np.asarray(arm.reliability.count, dtype=np.float64)
    sure = float((count * arm.reliability.confidence).sum() / count.sum())
    gap = sure - float((count * arm.reliability.accuracy).sum() / count.sum())
    if abs(gap) < TOO_SURE:
        return []
    word = "surer" if gap > 0 else "less sure"
    return [f"Its answers are {100 * abs(gap):.0f} points {word} than right."]


def points(gap: Difference, verdict: Verdict) -> str:
    """Return ``+3.1 points [+2.2, +4.0]``, and of what where it is not plain accuracy."""
    text = f"{100 * gap.mean:+.1f} points"
    text += f" of {IN_WORDS[verdict.measure]}" if verdict.measure != "accuracy" else ""
    if gap.low is None or gap.high is None:
        return f"{text}, no interval"
    return f"{text} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"


def _listed(names: Sequence[str], gaps: Mapping[str, Difference]) -> str:
    return ", ".join(f"{name} ({100 * gaps[name].mean:+.1f})" for name in names)


def _sharpness(verdict: Verdict, smallest: float, seeds: int, seconds: float) -> str:
    """Say what could go unseen, and what a point would take; ``seconds`` train each arm once."""
    text = f"Differences below {100 * smallest:.1f} percentage points may go unseen here"
    if smallest <= POINT:
        return text + "."
    point = "to see a difference of one percentage point"
    wanted = verdict.seeds_for_a_point
    if wanted is not None:
        minutes = round((wanted - seeds) * seconds / 60)
        more = f", about {minutes:,} more {'minute' if minutes == 1 else 'minutes'} of one core"
        more = more if minutes else ""
        return f"{text}; {point} would take {wanted} trainings of each arm{more}."
    if verdict.test_images_for_a_point <= verdict.test_images:
        return f"{text}; {point} would take more than {MOST_SEEDS} trainings of each arm."
    return (
        f"{text}; {point} would take about {verdict.test_images_for_a_point:,} test images, "
        "however many trainings there are."
    )


def sentence(arm: ArmSummary) -> str:
    """Say in words what the arm gained, in points of accuracy, over each that it is compared to."""
    said = [_gain(other, found["accuracy"]) for other, found in arm.versus.items()]
    return f"{arm.name}: {'; '.join(said)}." if said else ""


def _gain(other: str, gap: Difference) -> str:
    points = f"{100 * gap.mean:+.1f} points"
    if gap.low is None or gap.high is None:
        return f"{points} against {other} (one pair, so no interval)"
    interval = f"[{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
    if gap.excludes_zero:
        return f"{points} {interval} {'over' if gap.mean > 0 else 'below'} {other}"
    return f"not distinguishable from {other} ({points} {interval})"
