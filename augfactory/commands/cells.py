"""Run cells: keep what is finished, train what is missing, on all cores."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from augfactory.commands import evaluation_files as files
from augfactory.commands.opening import open_any
from augfactory.commands.progress import Progress
from augfactory.commands.training_sets import open_training
from augfactory.engines import processes
from augfactory.evaluation.protocol import Cell, CellResult, cell_key, run_cell


def run_cells(
    cells: Sequence[Cell], out: Path, workers: int, progress: Progress
) -> tuple[list[tuple[Cell, CellResult]], int]:
    """Return every cell with its result, in the order given, and how many were trained now.

    Finished cells are kept in ``out``, so that the same cells go on where a killed run stood. Equal
    cells are trained once.
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
    with progress.bar("training classifiers", len(kept), "classifier", len(done)) as bar:
        train = partial(run_cell, open_training=open_training, open_source=open_any)
        for index, result in processes.run(train, waiting, workers):
            files.save_cell(out, waiting[index], result)
            done[cell_key(waiting[index])] = result
            bar.advance(1, accuracy=result.scores.accuracy)
    return [(cell, done[key]) for key, cell in zip(keys, cells, strict=True)], len(waiting)
