"""The files of an evaluation: finished cells, results.json, results.csv and the figure."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from augfactory.commands.evaluation_inputs import Inputs
from augfactory.errors import ResourceError
from augfactory.evaluation.protocol import ArmSummary, Cell, CellResult, cell_key
from augfactory.report.evaluation_figures import accuracy_figure
from augfactory.store.atomic import write_file
from augfactory.store.manifest import library_versions

SCHEMA_VERSION = 1
CELLS = "cells"


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


def save_cell(out: Path, cell: Cell, result: CellResult) -> None:
    """Keep one finished cell."""
    about = {"arm": cell.arm.name, "seed": cell.seed, **asdict(cell.settings)}
    write_file(_cell_path(out, cell), _json_bytes({**asdict(result), "about": about}))


def load_cell(out: Path, cell: Cell) -> CellResult | None:
    """Return what an earlier run kept of this cell; None where it kept nothing usable."""
    try:
        kept = json.loads(_cell_path(out, cell).read_bytes())
        return CellResult(*(float(kept[name]) for name in ("accuracy", "nll", "seconds")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def results_document(
    inputs: Inputs, cells: Sequence[Cell], arms: Sequence[ArmSummary], baseline: str
) -> dict[str, Any]:
    """Return what results.json holds; the same for the same evaluation, whenever it is run."""
    return {
        "schema_version": SCHEMA_VERSION,
        "arms": [asdict(arm) for arm in arms],
        "baseline": baseline,
        "classifier": cells[0].classifier,
        "settings": asdict(cells[0].settings),
        "test": {
            "text": inputs.test_spec.text,
            "size": inputs.test_spec.size,
            "colour": inputs.test_spec.colour,
            "rows": len(inputs.test),
            "fingerprint": inputs.test_fingerprint,
        },
        "datasets": [
            {
                "name": version.manifest.name,
                "version": version.manifest.version,
                "rows": version.manifest.rows,
                "content_hash": version.manifest.content_hash,
            }
            for version in inputs.versions
        ],
        "libraries": library_versions(),
    }


def write_results(
    out: Path,
    document: dict[str, Any],
    results: Sequence[tuple[Cell, CellResult]],
    arms: Sequence[ArmSummary],
) -> tuple[Path, ...]:
    """Write results.json, results.csv and accuracy.png; return their paths."""
    contents = {
        "results.json": _json_bytes(document),
        "results.csv": _csv_bytes(results),
        "accuracy.png": accuracy_figure(arms, document["baseline"], _subtitle(document)),
    }
    for name, data in contents.items():
        write_file(out / name, data)
    return tuple(out / name for name in contents)


def _cell_path(out: Path, cell: Cell) -> Path:
    return out / CELLS / f"{cell_key(cell)}.json"


def _csv_bytes(results: Sequence[tuple[Cell, CellResult]]) -> bytes:
    lines = [
        {
            "arm": cell.arm.name,
            "factor": cell.arm.factor,
            "rows": cell.arm.size,
            "seed": cell.seed,
            "classifier": cell.classifier,
            "steps": cell.settings.steps,
            "batch": cell.settings.batch,
            **asdict(result),
        }
        for cell, result in results
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def _subtitle(document: dict[str, Any]) -> str:
    test, settings = document["test"], document["settings"]
    text = test["text"] if len(test["text"]) <= 32 else "…" + test["text"][-31:]
    seeds = len(document["arms"][0]["seeds"])
    spread = f"{seeds} seeds, bars ± 1 standard deviation" if seeds > 1 else "1 seed"
    return (
        f"{test['rows']:,} images of {text} · {document['classifier']}, "
        f"{settings['steps']:,} steps of {settings['batch']} · {spread}"
    )


def _json_bytes(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
