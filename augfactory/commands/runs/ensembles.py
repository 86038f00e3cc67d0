"""Ensembles of the classifiers that were trained anyway: several seeds of an arm answer together.

Source:  Lakshminarayanan et al. 2017, arXiv:1612.01474: networks that differ in their first weights
         and in the order of their images; their probabilities are averaged. Without the adversarial
         training that the paper has beside it.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from augfactory.commands.progress import Progress
from augfactory.commands.runs.networks import load_network
from augfactory.engines import processes
from augfactory.evaluation.comparison.compare import ArmRuns, by_arm
from augfactory.evaluation.comparison.ensemble import (
    Ensemble,
    ensemble_summary,
    measure_ensemble,
)
from augfactory.evaluation.comparison.protocol import Run, RunResult
from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.evaluation.comparison.train_run import test_of
from augfactory.evaluation.training.training_set import open_training

Results = Sequence[tuple[Run, RunResult]]


def with_ensembles(
    arms: Sequence[ArmSummary],
    results: Results,
    size: int,
    networks: Path,
    workers: int,
    progress: Progress,
    engine: processes.Engine = processes.worker_pool,
) -> tuple[ArmSummary, ...]:
    """Return the arms, each with what ensembles of ``size`` of its classifiers come to.

    The seeds of each subset make as many ensembles as they suffice for, in order; a rest is left
    out. Nothing is trained: ``networks`` is the folder where the networks are kept. ``engine`` is
    where they answer.

    Raises:
        ResourceError: a network that was kept is damaged.
    """
    groups = {name: _groups(found, size) for name, found in by_arm(results).items()}
    tasks = [_runs(group) for own in groups.values() for group in own]
    found = {}
    with progress.bar(f"ensembles of {size}", len(tasks), "ensemble") as bar:
        answer = partial(_answer, networks=networks)
        gpus = int(any(run.settings.device == "cuda" for run, _ in results))
        for index, result in processes.run(answer, tasks, workers, gpus=gpus, engine=engine):
            found[tasks[index]] = result
            bar.advance()
    summaries = {
        name: ensemble_summary([(group, found[_runs(group)]) for group in own])
        for name, own in groups.items()
        if own
    }
    return tuple(
        arm.model_copy(update={"ensemble": summaries[arm.name]}) if arm.name in summaries else arm
        for arm in arms
    )


def _runs(group: Results) -> tuple[Run, ...]:
    return tuple(run for run, _ in group)


def _groups(found: ArmRuns, size: int) -> list[Results]:
    """Return the runs of each ensemble of an arm."""
    groups: list[Results] = []
    for subset in sorted({subset for subset, _ in found}):
        seeds = sorted(seed for own, seed in found if own == subset)
        for start in range(0, len(seeds) - size + 1, size):
            groups.append([found[subset, seed] for seed in seeds[start : start + size]])
    return groups


def _answer(runs: tuple[Run, ...], networks: Path) -> Ensemble:
    test = test_of(runs[0], open_training(runs[0].arm.source).source.class_names)
    return measure_ensemble(runs[0], [load_network(networks, run, test) for run in runs], test)
