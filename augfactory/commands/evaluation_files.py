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

from augfactory.errors import ResourceError
from augfactory.evaluation.comparison import ArmSummary, Spread, sentence
from augfactory.evaluation.corruptions.registry import find_profile
from augfactory.evaluation.protocol import (
    Cell,
    CellResult,
    cell_key,
    result_as_dict,
    result_from_dict,
)
from augfactory.guarded.text import escaped, escaped_json
from augfactory.store.atomic import write_file

CELLS, RESULTS = "cells", "results.json"


def make_folders(out: Path) -> None:
    """Make the folder of the evaluation and that of its cells.

    Raises:
        ResourceError: they cannot be made.
    """
    try:
        (out / CELLS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            out, f"cannot be made ({error.strerror})", "Name another folder with --out."
        ) from error


def request_id(cells: Sequence[Cell], baseline: str) -> str:
    """Return a hash of what an evaluation compares: the same for the same arms and settings."""
    compared = [baseline, *([cell.arm.name, cell.subset, cell_key(cell)] for cell in cells)]
    return hashlib.sha256(json.dumps(compared).encode()).hexdigest()


def other_results(out: Path, request: str) -> str | None:
    """Say that ``out`` holds the results of another request; None where it does not.

    ``request`` is the ``request_id`` of the one that is to be written there.
    """
    try:
        there = json.loads((out / RESULTS).read_bytes()).get("request_id", request)
    except (OSError, ValueError, AttributeError):
        return None
    if there == request:
        return None
    return (
        f"note: {out / RESULTS} is of other settings and will be overwritten, its report too; its "
        f"finished classifiers are kept in {out / CELLS}, and another --out keeps both reports"
    )


def save_cell(out: Path, cell: Cell, result: CellResult) -> None:
    """Keep one finished cell."""
    about = {
        "arm": cell.arm.name,
        "subset": cell.subset,
        "seed": cell.seed,
        "classifier": cell.classifier.name,
        **asdict(cell.settings),
    }
    write_file(_cell_path(out, cell), json_bytes({**result_as_dict(result), "about": about}))


def load_cell(out: Path, cell: Cell) -> CellResult | None:
    """Return what an earlier run kept of this cell; None where it kept nothing usable."""
    try:
        return result_from_dict(json.loads(_cell_path(out, cell).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


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
        "sentence": "" if arm.name == baseline else sentence(arm),
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
