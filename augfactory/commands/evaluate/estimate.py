"""What an evaluation would take: told from a few steps of its dearest arm, nothing is written."""

import sys
import time
from dataclasses import dataclass, replace

import numpy as np

from augfactory.commands.evaluate.evaluate import Prepared, check_classifier
from augfactory.commands.evaluate.request import EvaluateRequest, runs_of
from augfactory.commands.runs.stages import FIRST, MOST, RESERVE
from augfactory.engines import processes
from augfactory.evaluation.classifiers.registry import find_classifier
from augfactory.evaluation.comparison.protocol import CURVE_ROWS
from augfactory.evaluation.comparison.train_run import TRAINING_ROWS
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.evaluation.training.settings import reading_steps
from augfactory.evaluation.training.train import train_classifier
from augfactory.evaluation.training.training_set import open_training, training_part
from augfactory.guarded.text import escaped
from augfactory.sources.recorded import open_rows

PROBE_STEPS = 20


@dataclass(frozen=True)
class Estimate:
    """What an evaluation would take.

    ``minutes`` are by number of steps, all classifiers on all workers; ``steps_in_time`` is how far
    all come in the minutes that are asked for, None where none are or not even the first reading
    is reached. ``megabytes`` of memory are those of one process times the workers, None where
    nobody counts it.
    """

    arms: tuple[str, ...]
    classifiers: int
    minutes: dict[int, float]
    steps_in_time: int | None
    megabytes: int | None
    workers: int


def estimate(request: EvaluateRequest, prepared: Prepared) -> Estimate:
    """Train 20 steps and measure once, and reckon up.

    Raises:
        AugfactoryError: the classifier cannot take the images, or there is no such device.
    """
    check_classifier(prepared)
    runs = runs_of(request, prepared.inputs, prepared.classifier, None, PROBE_STEPS, request.seeds)
    run = max(runs, key=lambda each: (len(each.arm.batch_policy.online), each.arm.images_per_step))
    training = training_part(open_training(run.arm.source), run.arm.part, run.arm.rows)
    build = find_classifier(run.classifier.name, run.classifier.weights).build
    settings = replace(run.settings, steps=PROBE_STEPS)
    with processes.pinned_threads(1):
        found = train_classifier(training, build, settings, 0, run.arm.batch_policy)
        test = open_rows(run.test, trusted=True)[1].among(training.source.class_names)
        rows = np.arange(min(len(test), CURVE_ROWS))
        begun = time.perf_counter()
        log_probabilities(found.network, test.read_images, rows, len(test.class_names))
        an_image = (time.perf_counter() - begun) / len(rows)
    step = found.progress.seconds / PROBE_STEPS
    reading = an_image * (len(rows) + min(len(training.source), TRAINING_ROWS))
    at_once = min(request.workers, len(runs))

    def minutes(steps: int) -> float:
        one = steps * step + len(reading_steps(steps)) * reading + an_image * len(test)
        return len(runs) * one / at_once / 60

    memory = _megabytes()
    in_time: list[int] = []
    if request.steps is None and request.minutes is not None:
        asked = request.minutes / RESERVE
        in_time = [steps for steps in reading_steps(MOST) if minutes(steps) <= asked]
    lengths = (request.steps,) if request.steps is not None else (FIRST, 4 * FIRST, MOST)
    return Estimate(
        arms=tuple(arm.name for arm in prepared.inputs.arms),
        classifiers=len(runs),
        minutes={steps: minutes(steps) for steps in lengths},
        steps_in_time=max(in_time, default=None),
        megabytes=None if memory is None else memory * at_once,
        workers=at_once,
    )


def as_text(found: Estimate) -> str:
    """Return what is printed for a person."""
    processes = "1 process" if found.workers == 1 else f"{found.workers} processes"
    lines = [f"{found.classifiers} classifiers on {processes}:", *map(escaped, found.arms)]
    lines += [
        f"to step {steps:,}: about {_duration(minutes)}" for steps, minutes in found.minutes.items()
    ]
    if found.steps_in_time is not None:
        text = f"in the minutes that are asked for: to about step {found.steps_in_time:,}"
        if found.steps_in_time < FIRST:
            text += "; so few steps favour small sets, and most arms will still rise"
        lines.append(text)
    if found.megabytes is not None:
        lines.append(f"memory: about {found.megabytes:,} MB")
    return "\n".join(lines)


def _duration(minutes: float) -> str:
    return f"{minutes / 60:,.0f} hours" if minutes >= 180 else f"{max(minutes, 0.1):,.1f} minutes"


def _megabytes() -> int | None:
    """Return the most memory that this process has had, in MB; None where nobody counts it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    # macOS tells bytes, Linux KiB.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (2**20 if sys.platform == "darwin" else 2**10))
