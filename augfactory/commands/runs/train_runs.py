"""Run runs: keep what is finished, train what is missing, on all cores."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from augfactory.commands.progress import Progress
from augfactory.commands.runs import files
from augfactory.commands.runs.networks import has_network, save_network
from augfactory.commands.runs.training_states import load_state, save_state
from augfactory.engines import processes
from augfactory.evaluation.comparison.protocol import Earlier, Run, RunResult, run_key
from augfactory.evaluation.comparison.train_run import train_run


def train_runs(
    runs: Sequence[Run],
    out: Path,
    workers: int,
    progress: Progress,
    *,
    text: str = "training classifiers",
    goes_on: bool = False,
    engine: processes.Engine = processes.worker_pool,
    networks: Path | None = None,
) -> tuple[list[tuple[Run, RunResult]], int]:
    """Return every run with its result, in the order given, and how many were trained now.

    Finished runs are kept in ``out``, so that the same runs go on where a killed run stood. Equal
    runs are trained once. ``goes_on`` keeps, too, how far they came, so that the same runs with
    more steps begin there. ``networks`` is the folder where the networks are kept, if they are: a
    run whose network is not there is trained again, unless it goes on and may be no last one.
    ``engine`` is where they are trained.
    """
    keys = [run_key(run) for run in runs]
    kept = {key: files.load_run(out, run, progress) for key, run in zip(keys, runs, strict=True)}
    by_key = dict(zip(keys, runs, strict=True))
    done = {
        key: result
        for key, result in kept.items()
        if result is not None
        and (networks is None or goes_on or has_network(networks, by_key[key]))
    }
    missing = {key: run for key, run in by_key.items() if key not in done}
    waiting = list(missing.values())
    if done:
        progress.say(
            f"{len(done)} of {len(kept)} classifiers are kept in {out} from an earlier run"
        )
    with progress.bar(text, len(kept), "classifier", len(done)) as bar:
        states = out / files.RUNS if goes_on else None
        train = partial(_train, states=states, networks=networks)
        gpus = int(any(run.settings.device == "cuda" for run in waiting))
        for index, result in processes.run(train, waiting, workers, gpus=gpus, engine=engine):
            files.save_run(out, waiting[index], result)
            done[run_key(waiting[index])] = result
            bar.advance(1, waiting[index].arm.name, accuracy=result.scores.accuracy)
    return [(run, done[key]) for key, run in zip(keys, runs, strict=True)], len(waiting)


def _train(run: Run, states: Path | None, networks: Path | None) -> RunResult:
    earlier = None if states is None else load_state(states, run)
    keep = None if networks is None else partial(save_network, networks, run)
    result, progress = train_run(run, earlier, keep)
    if states is not None:
        save_state(states, run, Earlier(progress, result.curve))
    return result
