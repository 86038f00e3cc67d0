"""Corrupted copies of the test images, written once and shared by all classifiers."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augfactory.commands.opening import open_any
from augfactory.commands.progress import Progress
from augfactory.engines import processes
from augfactory.evaluation.corruptions.registry import Profile, corrupt
from augfactory.evaluation.protocol import CorruptedTest, LabelledRows
from augfactory.store.atomic import write_file

SEED = 0
FOLDER = "corrupted"
BLOCK = 256


@dataclass(frozen=True)
class _Task:
    test: LabelledRows
    profile: str
    corruption: str
    severity: int
    path: Path


def corrupted_test(
    test: LabelledRows, profile: Profile, out: Path, workers: int, progress: Progress
) -> CorruptedTest:
    """Make what is missing of the corrupted copies in ``out``; return where all of them lie."""
    key = hashlib.sha256(f"{profile.name}/{SEED}/{test.fingerprint}".encode()).hexdigest()[:16]
    folder = (out / FOLDER / key).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        _Task(test, profile.name, each.name, severity, folder / f"{each.name}-{severity}.npy")
        for each in profile.corruptions
        for severity in each.severities
    ]
    waiting = [task for task in tasks if not task.path.is_file()]
    with progress.bar(
        f"corrupting the test images, {profile.title}",
        len(tasks),
        "test set",
        len(tasks) - len(waiting),
    ) as bar:
        for _ in processes.run(_write, waiting, workers):
            bar.advance()
    return CorruptedTest(
        profile=profile.name,
        seed=SEED,
        files=tuple((task.corruption, task.severity, str(task.path)) for task in tasks),
    )


def _write(task: _Task) -> None:
    test = task.test.opened(open_any)
    images = np.empty((len(test), *test.image_shape), dtype=np.uint8)
    for start in range(0, len(test), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(test)))
        images[rows] = corrupt(
            task.profile, task.corruption, task.severity, test.read_images(rows), SEED, start
        )
    data = io.BytesIO()
    np.save(data, images)
    write_file(task.path, data.getvalue())
