"""How long an evaluation trains: so many steps, or until all arms are at their plateau."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from augfactory.commands.progress import Progress
from augfactory.commands.runs.files import RUNS
from augfactory.commands.runs.networks import drop_networks
from augfactory.commands.runs.train_runs import train_runs
from augfactory.commands.runs.training_states import drop_states
from augfactory.engines.processes import Engine, worker_pool
from augfactory.evaluation.comparison.compare import by_arm
from augfactory.evaluation.comparison.curves import mean_curve
from augfactory.evaluation.comparison.protocol import CURVE_ROWS, Run, RunResult
from augfactory.evaluation.training.settings import reading_steps

FIRST, MOST = 400, 12_800  # steps of an open-ended training, before anybody looks and at most
PROBE = 50  # steps after which it is known how far the minutes reach
MOST_SEEDS = 30
WORTH_IT = 1.2  # a further stage has at least so many times the steps
RESERVE = 1.1  # of the estimated time, for what is not training
MEASURING = 1.3  # of the time of training, where nobody has taken the time of both

Results = list[tuple[Run, RunResult]]
RunsAt = Callable[[int, int], Sequence[Run]]  # (steps, seeds) -> runs


def train_for(
    steps: int | None,
    minutes: float | None,
    seeds: int,
    runs_at: RunsAt,
    out: Path,
    workers: int,
    progress: Progress,
    engine: Engine = worker_pool,
    *,
    networks: Path | None = None,
) -> tuple[Results, int]:
    """Train all arms with equal steps; return all results and how many were trained now.

    Without ``steps``, all arms go on together, twice as far each time, until none rises any more;
    then, with minutes left, further seeds are trained. ``minutes``, if given, is about how long
    that may take from the beginning of this call, whatever an earlier one has trained. ``seeds``
    are the trainings of each arm. ``engine`` is where they run, ``networks`` the folder where the
    networks are kept, None where they are not; of those that went on only the last one stays.
    """
    begun = time.monotonic()

    def left() -> float:
        return float("inf") if minutes is None else 60 * minutes - (time.monotonic() - begun)

    run = _Runner(runs_at, out, workers, progress, engine, networks)
    open_ended, cut = steps is None, False
    reached = steps or (FIRST if minutes is None else min(PROBE, FIRST))
    results = run(reached, seeds, goes_on=open_ended)
    while open_ended and reached < MOST and (reached < FIRST or any_rising(results)):
        further = _next(reached, run.step_seconds, left())
        if further is None:
            cut = True  # the minutes were spent while an arm was still rising
            break
        reached = further
        results = run(reached, seeds, goes_on=True)
    while minutes is not None and not cut and seeds < MOST_SEEDS:
        if RESERVE * reached * run.step_seconds / seeds > left():
            break
        seeds += 1
        results = run(reached, seeds)
    if open_ended and networks is not None:
        results = run(reached, seeds)  # what an earlier call has trained without keeping networks
        for before in run.passed:
            drop_networks(networks, runs_at(before, seeds))
    if not cut:
        drop_states(out / RUNS)
    return results, run.trained


class _Runner:
    """Runs runs, counts what was trained, and knows how long a step of all of them takes."""

    def __init__(
        self,
        runs_at: RunsAt,
        out: Path,
        workers: int,
        progress: Progress,
        engine: Engine,
        networks: Path | None,
    ) -> None:
        self.runs_at, self.out, self.workers, self.progress = runs_at, out, workers, progress
        self.engine, self.networks = engine, networks
        self.trained, self.steps, self.step_seconds = 0, 0, 0.0
        self.passed: set[int] = set()  # steps of stages that were gone on from

    def __call__(self, steps: int, seeds: int, *, goes_on: bool = False) -> Results:
        """Train every run to ``steps``; with ``goes_on`` they can go on from there."""
        begun = time.monotonic()
        text = f"training to step {steps:,}"
        results, trained = train_runs(
            self.runs_at(steps, seeds), self.out, self.workers, self.progress, text=text,
            goes_on=goes_on, networks=self.networks, engine=self.engine,
        )  # fmt: skip
        if trained == len(results) and steps > self.steps:  # else some of it was kept
            self.step_seconds = (time.monotonic() - begun) / (steps - self.steps)
        else:
            each = [result.seconds / run.settings.steps for run, result in results]
            self.step_seconds = MEASURING * sum(each) / min(self.workers, len(each))
        self.trained += trained
        self.passed = (self.passed | {self.steps}) - {0, steps}
        self.steps = steps
        return results


def any_rising(results: Results) -> bool:
    """Tell whether more steps would still improve an arm."""
    return any(
        mean_curve(
            [result.curve for _, result in found.values()],
            test_images=min(CURVE_ROWS, len(results[0][1].labels)),
        ).rising
        for found in by_arm(results).values()
    )


def _next(steps: int, step_seconds: float, left: float) -> int | None:
    """Return how far to go next: to FIRST, twice as far, or as far as the time allows, or None.

    Trainings end where readings are, so that a later run finds its way on.
    """
    able = [
        step
        for step in reading_steps(max(FIRST, 2 * steps))
        if step >= WORTH_IT * steps and RESERVE * (step - steps) * step_seconds <= left
    ]
    return able[-1] if able else None
