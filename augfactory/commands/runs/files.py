"""The files of an evaluation: finished runs, results.json and .csv, the figure, the report."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from augfactory.commands.progress import Progress
from augfactory.errors import RecipeError
from augfactory.evaluation.comparison.compare import mean_error
from augfactory.evaluation.comparison.protocol import Reading, Run, RunResult, run_key
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import is_folder, is_there
from augfactory.guarded.text import escaped, escaped_json
from augfactory.store.disk.atomic import make_folders, remove, remove_leftovers, write_file
from augfactory.store.manifest import MANIFEST
from augfactory.store.versions import version_folders

RUNS, RESULTS, CURVES = "cells", "results.json", "curves.csv"
CORRUPTIONS = "corruptions.csv"
CHECKSUM = "sha256"
RUN_RESULT = TypeAdapter(RunResult)
LARGEST_RUN = 2**28  # bytes; that of some thousand classes has a confusion matrix of 100 MB


def check_folder(out: Path) -> None:
    """Refuse a place that is not a folder, before anything is made.

    Raises:
        RecipeError: something else lies there.
    """
    if is_there(out) and not is_folder(out):
        raise RecipeError(out, "is not a folder", "Name another folder with --out.")
    if version_folders(out) or is_there(out / MANIFEST):
        raise RecipeError(out, "is a dataset, not a place for results", "Name another with --out.")


def begin(out: Path, networks: Path | None = None) -> None:
    """Make the folders of the runs and of their networks; remove what a killed run left unfinished.

    Raises:
        ResourceError: something cannot be made or removed.
    """
    inner = [out / RUNS, *([] if networks is None else [networks])]
    make_folders(inner)
    for folder in (out, *inner):
        remove_leftovers(folder)


def request_id(runs: Sequence[Run], baseline: str | None) -> str:
    """Return a hash of what an evaluation compares: the same for the same arms and settings."""
    compared = [baseline, *([run.arm.name, run.subset, run_key(run)] for run in runs)]
    return hashlib.sha256(json.dumps(compared).encode()).hexdigest()


def other_results(out: Path, request: str) -> str | None:
    """Say that ``out`` holds the results of another request; None where it does not.

    ``request`` is the ``request_id`` of the one that is to be written there.
    """
    try:
        there = read_json(out / RESULTS).get("request_id", request)
    except (OSError, ValueError, AttributeError):
        return None
    if there == request:
        return None
    return (
        f"note: {out / RESULTS} is of other settings and will be overwritten, its report too; its "
        f"finished classifiers are kept in {out / RUNS}, and another --out keeps both reports"
    )


def save_run(out: Path, run: Run, result: RunResult) -> None:
    """Keep one finished run, with a checksum: what an earlier run kept may be damaged since."""
    about = {
        "arm": run.arm.name,
        "subset": run.subset,
        "seed": run.seed,
        "classifier": run.classifier.name,
        **asdict(run.settings),
    }
    # As JSON has them: a tuple comes back as a list.
    kept = json.loads(json_bytes({**asdict(result), "about": about}))
    write_file(_run_path(out, run), json_bytes({**kept, CHECKSUM: _checksum(run, kept)}))


def load_run(out: Path, run: Run, progress: Progress) -> RunResult | None:
    """Return what an earlier run kept of this run, None where it kept nothing usable.

    What is damaged is removed, with a word about it.

    Raises:
        ResourceError: it cannot be removed.
    """
    path = _run_path(out, run)
    try:
        kept = read_json(path, LARGEST_RUN, follow=False)
        if kept.pop(CHECKSUM, None) != _checksum(run, kept):
            raise ValueError("its checksum differs")
        return RUN_RESULT.validate_python(kept)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or error
        progress.say(f"{path} is damaged ({reason}): its classifier is trained again")
        remove(path)
        return None


def _checksum(run: Run, kept: Mapping[str, Any]) -> str:
    """Return a hash of what was kept and of the run that it is the result of."""
    text = json.dumps([run_key(run), kept], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def runs_csv(results: Sequence[tuple[Run, RunResult]]) -> bytes:
    """Return one line for each classifier."""
    lines = []
    for run, result in results:
        scaled = asdict(result.scaled) if result.scaled else {}
        lines.append(
            {
                "arm": escaped(run.arm.name),
                "factor": run.arm.factor,
                "rows": run.arm.size,
                "subset": run.subset,
                "seed": run.seed,
                "classifier": run.classifier.name,
                "steps": run.settings.steps,
                "batch": run.settings.batch,
                **asdict(result.scores),
                **{f"scaled_{name}": value for name, value in scaled.items()},
                **({"temperature": result.temperature} if scaled else {}),
                **({"corruption_error": mean_error(result)} if result.corruption_errors else {}),
                "seconds": result.seconds,
            }
        )
    return _csv(lines)


def corruptions_csv(results: Sequence[tuple[Run, RunResult]]) -> bytes | None:
    """Return one line for each classifier, corruption and severity; None where there are none."""
    lines = [
        {
            "arm": escaped(run.arm.name),
            "subset": run.subset,
            "seed": run.seed,
            "classifier": run.classifier.name,
            **asdict(scores),
        }
        for run, result in results
        for scores in result.corrupted or ()
    ]
    return _csv(lines) if lines else None


def _csv(lines: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def curves_csv(results: Sequence[tuple[Run, RunResult]]) -> bytes:
    """Return one line for each reading of each classifier; an epoch is a pass over the arm's set.

    Empty where an older program trained.
    """
    text = io.StringIO()
    columns = ["arm", "rows", "subset", "seed", "step", "epoch", *Reading.__dataclass_fields__]
    columns = list(dict.fromkeys(columns))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for run, result in results:
        for reading in result.curve:
            writer.writerow(
                {
                    "arm": escaped(run.arm.name),
                    "rows": run.arm.size,
                    "subset": run.subset,
                    "seed": run.seed,
                    "epoch": reading.step * run.settings.batch / max(1, run.arm.size),
                    **asdict(reading),
                }
            )
    return text.getvalue().encode()


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return JSON that people can read, the same bytes for the same value."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return (escaped_json(text) + "\n").encode()


def _run_path(out: Path, run: Run) -> Path:
    return out / RUNS / f"{run_key(run)}.json"
