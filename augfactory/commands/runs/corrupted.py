"""Corrupted copies of the test images, written once and shared by all classifiers."""

import hashlib
import io
from functools import partial
from pathlib import Path

import numpy as np

from augfactory.commands.progress import Progress
from augfactory.engines import processes
from augfactory.evaluation.comparison.protocol import CorruptedTest
from augfactory.evaluation.corruptions.registry import REVISION, Profile, corrupt
from augfactory.guarded.files import is_there, open_regular, read_file, sha256_of
from augfactory.source_rows import SourceRows
from augfactory.sources.corrupted.part import CorruptedPart
from augfactory.sources.recorded import open_rows
from augfactory.store.disk.atomic import make_folders, remove, remove_leftovers, write_file

SEED = 0
FOLDER = "corrupted"
BLOCK = 256


def corrupted_test(
    test: SourceRows,
    profile: Profile,
    out: Path,
    workers: int,
    progress: Progress,
    engine: processes.Engine = processes.worker_pool,
) -> CorruptedTest:
    """Make what is missing or damaged of the corrupted copies in ``out``; return where they lie.

    Beside each lies its SHA-256, in the manner of ``sha256sum``.

    Raises:
        ResourceError: one cannot be written.
    """
    decisive = f"{profile.name}/{SEED}/{REVISION}/{test.fingerprint}"
    key = hashlib.sha256(decisive.encode()).hexdigest()[:16]
    folder = (out / FOLDER / key).resolve()
    make_folders([folder])
    remove_leftovers(folder)
    copies = [
        (each.name, severity, str(folder / f"{each.name}-{severity}.npy"))
        for each in profile.corruptions
        for severity in each.severities
    ]
    waiting = [copy for copy in copies if not _is_whole(Path(copy[2]))]
    damaged = [Path(path) for _, _, path in waiting if is_there(Path(path))]
    if damaged:
        progress.say(f"{len(damaged)} corrupted copies in {folder} are damaged and made again")
    for path in damaged:
        remove(path)
    with progress.bar(
        f"corrupting the test images, {profile.title}",
        len(copies),
        "test set",
        len(copies) - len(waiting),
    ) as bar:
        write = partial(_write, test, profile.name)
        for _ in processes.run(write, waiting, workers, engine=engine):
            bar.advance()
    parts = tuple(CorruptedPart(name, severity, path) for name, severity, path in copies)
    overlapping = tuple(each.name for each in profile.corruptions if each.overlaps_augmix)
    return CorruptedTest(profile.name, SEED, parts, profile.title, overlapping=overlapping)


def _is_whole(path: Path) -> bool:
    """Tell whether a copy that an earlier run made is still what it was."""
    try:
        said = read_file(_sums_path(path), 2**12, follow=False)
        with open_regular(path, follow=False) as file:
            _, sha256 = sha256_of(file)
    except (OSError, ValueError):
        return False
    return said == _sums(path, sha256)


def _sums_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _sums(path: Path, sha256: str) -> bytes:
    return f"{sha256}  {path.name}\n".encode()


def _write(rows: SourceRows, profile: str, copy: tuple[str, int, str]) -> None:
    corruption, severity, place = copy
    path, test = Path(place), open_rows(rows, trusted=True)[1]
    images = np.empty((len(test), *test.image_shape), dtype=np.uint8)
    for block in test.blocks(BLOCK):
        shown, first = test.read_images(block), int(block[0])
        images[block] = corrupt(profile, corruption, severity, shown, SEED, first)
    data = io.BytesIO()
    np.save(data, images)
    sums = _sums_path(path)
    remove(sums)  # else that of an earlier copy would be beside this one
    write_file(path, data.getvalue())
    write_file(sums, _sums(path, hashlib.sha256(data.getvalue()).hexdigest()))
