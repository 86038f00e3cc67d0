"""Run cells: keep what is finished, train what is missing, on all cores."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from augfactory.commands.opening.opening import open_any
from augfactory.commands.opening.training_sets import open_training
from augfactory.commands.progress import Progress
from augfactory.commands.runs import files
from augfactory.commands.runs.cell_states import load_state, save_state
from augfactory.engines import processes
from augfactory.evaluation.comparison.protocol import Cell, CellResult, Earlier, cell_key
from augfactory.evaluation.comparison.run_cell import run_cell


def run_cells(
    cells: Sequence[Cell],
    out: Path,
    workers: int,
    progress: Progress,
    *,
    text: str = "training classifiers",
    goes_on: bool = False,
) -> tuple[list[tuple[Cell, CellResult]], int]:
    """Return every cell with its result, in the order given, and how many were trained now.

    Finished cells are kept in ``out``, so that the same cells go on where a killed run stood. Equal
    cells are trained once. ``goes_on`` keeps, too, how far they came, so that the same cells with
    more steps begin there.
    """
    keys = [cell_key(cell) for cell in cells]
    kept = {
        key: files.load_cell(out, cell, progress) for key, cell in zip(keys, cells, strict=True)
    }
    done = {key: result for key, result in kept.items() if result is not None}
    missing = {key: cell for key, cell in zip(keys, cells, strict=True) if key not in done}
    waiting = list(missing.values())
    if done:
        progress.say(f"{len(done)} of {len(kept)} classifiers stand in {out} from an earlier run")
    with progress.bar(text, len(kept), "classifier", len(done)) as bar:
        train = partial(_train, states=out / files.CELLS if goes_on else None)
        for index, result in processes.run(train, waiting, workers):
            files.save_cell(out, waiting[index], result)
            done[cell_key(waiting[index])] = result
            bar.advance(1, accuracy=result.scores.accuracy)
    return [(cell, done[key]) for key, cell in zip(keys, cells, strict=True)], len(waiting)


def _train(cell: Cell, states: Path | None) -> CellResult:
    earlier = None if states is None else load_state(states, cell)
    result, standing = run_cell(cell, open_training, open_any, earlier)
    if states is not None:
        save_state(states, cell, Earlier(standing, result.curve))
    return result
