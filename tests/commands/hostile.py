"""Versions as a stranger could hand them over: changed, and their sums computed again."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec

NAMES = ["ant", "bee", "cow"]
ROWS, IMAGES = 60, 12


def make_source(folder: Path) -> Path:
    """Write twelve colour images of 9×14 pixels in three classes as .npz."""
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (IMAGES, 9, 14, 3), dtype=np.uint8)
    path = folder / "set.npz"
    np.savez(path, images=images, labels=np.arange(IMAGES) % 3, class_names=NAMES)
    return path


def make_version(folder: Path, storage: str = "hdf5", name: str = "d") -> Path:
    """Expand that source three times, with mixup; two shards, 60 rows."""
    request = ExpandRequest(
        SourceSpec(str(make_source(folder))),
        folder / name,
        (3,),
        mix=(mix_stage("test", "mixup", 2, "expanded", {}),),
        format=storage,
    )
    return expand(request, Progress())[0].path


@cache
def _made_once(storage: str) -> Path:
    folder = Path(tempfile.mkdtemp(dir=os.environ["XDG_CACHE_HOME"]))  # the test session's own
    make_version(folder, storage)
    return folder


def copy_version(folder: Path, storage: str = "hdf5") -> Path:
    """Return a copy of what ``make_version`` makes; the source it names is not in ``folder``."""
    shutil.copytree(_made_once(storage), folder, dirs_exist_ok=True)
    return folder / "d-x3" / "v1"


def rewrite(path: Path, data: bytes) -> None:
    """Write over a read-only file."""
    path.chmod(0o644)
    path.write_bytes(data)


def sums_anew(version: Path) -> None:
    """Compute every hash again, in the manifest and in SHA256SUMS: a change that is consistent."""
    path = version / "manifest.json"
    values = json.loads(path.read_bytes())
    for entry in values["files"]:
        data = (version / entry["path"]).read_bytes()
        entry["size"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    rewrite(path, text.encode())
    lines = [f"{entry['sha256']}  {entry['path']}\n" for entry in values["files"]]
    lines.append(f"{hashlib.sha256(text.encode()).hexdigest()}  manifest.json\n")
    rewrite(version / "SHA256SUMS", "".join(lines).encode())


def edit_manifest(version: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest's values, consistently."""
    path = version / "manifest.json"
    values = json.loads(path.read_bytes())
    change(values)
    rewrite(path, json.dumps(values).encode())
    sums_anew(version)


def edit_shard(version: Path, change: Callable[[h5py.File], object]) -> None:
    """Change the first HDF5 shard, consistently."""
    path = version / "shards/00000.h5"
    path.chmod(0o644)
    with h5py.File(path, "a") as file:
        change(file)
    sums_anew(version)
