"""The files of an evaluation: finished cells, results.json and .csv, the figure, the report."""

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
from augfactory.evaluation.comparison.compare import ArmSummary, Spread
from augfactory.evaluation.comparison.protocol import (
    Cell,
    CellResult,
    cell_key,
    result_as_dict,
    result_from_dict,
)
from augfactory.evaluation.corruptions.registry import find_profile
from augfactory.guarded.documents import read_json
from augfactory.guarded.files import is_folder, is_there
from augfactory.guarded.text import escaped, escaped_json
from augfactory.store.disk.atomic import make_folders, remove, remove_leftovers, write_file

CELLS, RESULTS = "cells", "results.json"
CHECKSUM = "sha256"
LARGEST_CELL = 2**28  # bytes; that of some thousand classes has a confusion matrix of 100 MB


def check_folder(out: Path) -> None:
    """Refuse a place that is no folder, before anything is made.

    Raises:
        RecipeError: something else lies there.
    """
    if is_there(out) and not is_folder(out):
        raise RecipeError(out, "is no folder", "Name another folder with --out.")


def begin(out: Path) -> None:
    """Make the folder of the cells; remove what a killed run left half-written.

    Raises:
        ResourceError: something cannot be made or removed.
    """
    make_folders([out / CELLS])
    for folder in (out, out / CELLS):
        remove_leftovers(folder)


def request_id(cells: Sequence[Cell], baseline: str | None) -> str:
    """Return a hash of what an evaluation compares: the same for the same arms and settings."""
    compared = [baseline, *([cell.arm.name, cell.subset, cell_key(cell)] for cell in cells)]
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
        f"finished classifiers are kept in {out / CELLS}, and another --out keeps both reports"
    )


def save_cell(out: Path, cell: Cell, result: CellResult) -> None:
    """Keep one finished cell, with a checksum: what an earlier run kept may be damaged since."""
    about = {
        "arm": cell.arm.name,
        "subset": cell.subset,
        "seed": cell.seed,
        "classifier": cell.classifier.name,
        **asdict(cell.settings),
    }
    # As JSON has them: a tuple comes back as a list.
    kept = json.loads(json_bytes({**result_as_dict(result), "about": about}))
    write_file(_cell_path(out, cell), json_bytes({**kept, CHECKSUM: _checksum(cell, kept)}))


def load_cell(out: Path, cell: Cell, progress: Progress) -> CellResult | None:
    """Return what an earlier run kept of this cell, None where it kept nothing usable.

    What is damaged is removed, with a word about it.

    Raises:
        ResourceError: it cannot be removed.
    """
    path = _cell_path(out, cell)
    try:
        kept = read_json(path, LARGEST_CELL, follow=False)
        if kept.pop(CHECKSUM, None) != _checksum(cell, kept):
            raise ValueError("its checksum differs")
        return result_from_dict(kept)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or error
        progress.say(f"{path} is damaged ({reason}): its classifier is trained again")
        remove(path)
        return None


def _checksum(cell: Cell, kept: Mapping[str, Any]) -> str:
    """Return a hash of what was kept and of the cell that it is the result of."""
    text = json.dumps([cell_key(cell), kept], sort_keys=True)
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


def _spreads(spreads: Mapping[str, Spread] | None) -> dict[str, Any] | None:
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


def cells_csv(results: Sequence[tuple[Cell, CellResult]]) -> bytes:
    """Return one line for each classifier."""
    lines = []
    for cell, result in results:
        scaled = (
            {f"scaled_{name}": value for name, value in asdict(result.scaled).items()}
            if (result.scaled)
            else {}
        )
        errors = result.corruption_errors or {}
        lines.append(
            {
                "arm": escaped(cell.arm.name),
                "factor": cell.arm.factor,
                "rows": cell.arm.size,
                "subset": cell.subset,
                "seed": cell.seed,
                "classifier": cell.classifier.name,
                "steps": cell.settings.steps,
                "batch": cell.settings.batch,
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


def _cell_path(out: Path, cell: Cell) -> Path:
    return out / CELLS / f"{cell_key(cell)}.json"
