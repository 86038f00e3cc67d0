"""What a training left, as far as it does not depend on the clock."""

import hashlib
import json
from pathlib import Path
from typing import Any

LEFT_OUT = ("created", "libraries", "seconds", "waiting", "started")


def model_of(folder: Path) -> dict[str, Any]:
    """Return config.json without times, and the hashes of all weights as they lie there."""
    if not (folder / "config.json").is_file():
        return {"config": None}
    weights = sorted(folder.rglob("*.safetensors"))
    return {
        "config": timeless(json.loads((folder / "config.json").read_bytes())),
        "weights": {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in weights
        },
        "files": sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")),
    }


def without_resume(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out .resume, which may lie beside a finished model until the next command."""
    if found["config"] is None:
        return found
    return {
        **found,
        "weights": {
            name: own for name, own in found["weights"].items() if not name.startswith(".resume")
        },
        "files": [name for name in found["files"] if not name.startswith(".resume")],
    }


def evaluation_of(folder: Path) -> dict[str, Any]:
    """Return results.json without times and places, and the names of all files."""
    if not (folder / "results.json").is_file():
        return {"results": None}
    results = timeless(json.loads((folder / "results.json").read_bytes()))
    return {"arms": results.get("arms"), "groups": results.get("groups")}


def timeless(value: Any) -> Any:
    """Return JSON without what differs each time."""
    if isinstance(value, dict):
        return {key: timeless(own) for key, own in value.items() if key not in LEFT_OUT}
    if isinstance(value, list):
        return [timeless(own) for own in value]
    return value


def study_text(source: Path) -> str:
    """Return a study as small as can be: two arms, one of them with a dataset and a model."""
    return f"""
title = "small"
source = "{source}:train"
test = "{source}:test"
n_train = [9]
subsets = 1
seeds = 1
steps = 2
batch = 4

[vae]
steps = 4

[[arms]]
name = "originals"

[[arms]]
name = "decoded"
vae = true
factor = 2
"""
