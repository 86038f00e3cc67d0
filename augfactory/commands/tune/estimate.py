"""How long it takes to try all recipes once, where that is longer than the minutes asked for."""

from collections.abc import Sequence

from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.comparison.protocol import Run
from augfactory.evaluation.training.probe import seconds_of_a_step
from augfactory.evaluation.training.training_set import open_training, training_part


def too_few_minutes(runs: Sequence[Run], minutes: float, workers: int) -> str | None:
    """Return what to tell where ``runs``, of all recipes on one fold, take longer than asked.

    It is reckoned up from a few steps of the one that is varied most while it is trained.
    """
    run = max(runs, key=lambda each: len(each.arm.batch_policy.online))
    training = training_part(open_training(run.arm.source), run.arm.part, run.arm.rows)
    build = find_classifier(run.classifier.name, run.classifier.weights).build
    step = seconds_of_a_step(training, build, run.settings, run.arm.batch_policy)
    needed = len(runs) * run.settings.steps * step / min(workers, len(runs)) / 60
    if needed <= minutes:
        return None
    return (
        f"note: to try all recipes once, {len(runs)} classifiers of {run.settings.steps:,} steps, "
        f"takes about {needed:,.1f} minutes here, more than --minutes {minutes:g}, and is done all "
        "the same. Smaller images (--size), --steps or --n-train make it shorter"
    )
