"""The files of an evaluation: finished runs, results.json and .csv, the figure, the report."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.commands.progress import Progress
from augfactory.errors import RecipeError
from augfactory.evaluation.comparison.compare import ArmSummary, Summary
from augfactory.evaluation.comparison.protocol import (
    Run,
    RunResult,
    result_as_dict,
    result_from_dict,
    run_key,
)
from augfactory.evaluation.corruptions.registry import find_profile
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import is_folder, is_there
from augfactory.guarded.text import escaped, escaped_json
from augfactory.store.disk.atomic import make_folders, remove, remove_leftovers, write_file

RUNS, RESULTS = "cells", "results.json"
CHECKSUM = "sha256"
LARGEST_RUN = 2**28  # bytes; that of some thousand classes has a confusion matrix of 100 MB


def check_folder(out: Path) -> None:
    """Refuse a place that is no folder, before anything is made.

    Raises:
        RecipeError: something else lies there.
    """
    if is_there(out) and not is_folder(out):
        raise RecipeError(out, "is no folder", "Name another folder with --out.")


def begin(out: Path) -> None:
    """Make the folder of the runs; remove what a killed run left half-written.

    Raises:
        ResourceError: something cannot be made or removed.
    """
    make_folders([out / RUNS])
    for folder in (out, out / RUNS):
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
    kept = json.loads(json_bytes({**result_as_dict(result), "about": about}))
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
        return result_from_dict(kept)
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


def arm_document(arm: ArmSummary, baseline: str, profile: str | None) -> dict[str, Any]:
    """Return an arm as it stands in results.json."""
    own = {name: asdict(spread) for name, spread in arm.measures.items()}
    return {
        "name": arm.name,
        "factor": arm.factor,
        "rows": arm.rows,
        "images_per_step": arm.images_per_step,
        "subsets": list(arm.subsets),
        "seeds": list(arm.seeds),
        **own,
        "scaled": _spreads(arm.scaled),
        "difference": _differences(arm, baseline),
        "versus": {other: _differences(arm, other) for other in arm.versus},
        "class_accuracy": [None if np.isnan(share) else share for share in arm.class_accuracy],
        "confusion": [list(row) for row in arm.confusion],
        "reliability": asdict(arm.reliability),
        "corruptions": _corruptions(arm, profile),
        "curve": asdict(arm.curve),
        "rise": arm.curve.rise,
        "still_from": arm.curve.still_from,
        "collapsed": list(arm.collapsed),
        "seconds": asdict(arm.seconds),
        "waiting": asdict(arm.waiting),
    }


def _spreads(spreads: Mapping[str, Summary] | None) -> dict[str, Any] | None:
    if spreads is None:
        return None
    return {name: asdict(own) for name, own in spreads.items()}


def _differences(arm: ArmSummary, other: str) -> dict[str, Any] | None:
    found = arm.versus.get(other)
    return None if found is None else {name: asdict(gap) for name, gap in found.items()}


def _corruptions(arm: ArmSummary, profile: str | None) -> dict[str, Any] | None:
    """Return the errors; the mean is a plain one over the corruptions, not normalised."""
    if arm.corruption_errors is None or profile is None:
        return None
    known = find_profile(profile)
    errors = {name: own.mean for name, own in arm.corruption_errors.items()}
    apart = [errors[each.name] for each in known.corruptions if not each.overlaps_augmix]
    return {
        "profile": known.name,
        "title": known.title,
        "mean_error": float(np.mean(list(errors.values()))),
        "mean_error_without_overlap": float(np.mean(apart)) if len(apart) < len(errors) else None,
        "errors": errors,
    }


def runs_csv(results: Sequence[tuple[Run, RunResult]]) -> bytes:
    """Return one line for each classifier."""
    lines = []
    for run, result in results:
        scaled = (
            {f"scaled_{name}": value for name, value in asdict(result.scaled).items()}
            if (result.scaled)
            else {}
        )
        errors = result.corruption_errors or {}
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
                **scaled,
                **({"temperature": result.temperature} if scaled else {}),
                **({"corruption_error": float(np.mean(list(errors.values())))} if errors else {}),
                "seconds": result.seconds,
            }
        )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return JSON that people can read, the same bytes for the same value."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return (escaped_json(text) + "\n").encode()


def _run_path(out: Path, run: Run) -> Path:
    return out / RUNS / f"{run_key(run)}.json"
