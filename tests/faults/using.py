"""Use a hostile version in every way there is, and see what comes of it."""

import os
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import augfactory
from augfactory.errors import AugfactoryError
from tests.faults.counting import Problem
from tests.faults.running import TooLongError, memory_peak, run, within, working_in
from tests.faults.sealing import snapshot, writable_copy

SECRET = b"TOPSECRET"
SECONDS = 40.0
MEGABYTES = 1000


@dataclass(frozen=True)
class Place:
    """A folder with a secret, a source, and a sound version of it to be damaged."""

    folder: Path
    version: Path

    @property
    def secret(self) -> Path:
        """A file that no command is asked to read."""
        return self.folder / "secret/secret.bin"


def place_of(folder: Path, version: Path) -> Place:
    """Add the secret."""
    (folder / "secret").mkdir()
    (folder / "secret/secret.bin").write_bytes(SECRET * 40_000)
    return Place(folder, version)


def fresh(place: Place) -> Path:
    """Return a new writable copy of the sound version."""
    return writable_copy(place.version, Path(tempfile.mkdtemp(dir=place.folder)) / "d-x2")


def used(place: Place, version: Path, what: str, ways: tuple[str, ...] = ()) -> list[Problem]:
    """Use ``version`` in all ways, or those named; return what should not have been."""
    out = Path(tempfile.mkdtemp(dir=place.folder, prefix="out"))
    before = snapshot(place.folder, out)
    commands: dict[str, tuple[object, ...]] = {
        "verify": ("verify", version, "--json"),
        "info": ("info", version, "--json"),
        "info row": ("info", version, "--row", 7, "--json"),
        "expand": ("expand", version, "--factor=2", "--workers=1", "--out=e"),
        "export": ("export", version, "--to=hdf5", "--out=f"),
        "reproduce": ("reproduce", version, "--workers=1"),
    }
    problems, printed = [], b""
    for name, arguments in commands.items():
        if ways and name not in ways:
            continue
        done = run(*arguments, cwd=out, seconds=SECONDS)
        if done.defect is not None:
            problems.append(Problem("escapes", f"{what}: {name}: {done.defect}"))
        printed += (done.stdout + done.stderr).encode("utf-8", "surrogatepass")
    told, loaded = loading(version, out)
    problems += [Problem("escapes", f"{what}: load: {told}")] if told else []
    after = snapshot(place.folder, out)
    changed = sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )
    if changed:
        problems.append(Problem("escapes", f"{what}: wrote outside: {changed[:3]}"))
    if SECRET in printed + loaded or any(_holds_secret(path) for path in out.rglob("*")):
        problems.append(Problem("escapes", f"{what}: the secret came out"))
    shutil.rmtree(out)
    return problems


def loading(version: Path, out: Path) -> tuple[str | None, bytes]:
    """Load a version from Python; return what was raised that should not be, and what was read."""
    read, peak = [b""], memory_peak()
    try:
        with working_in(out), within(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = augfactory.load(str(version), images="uint8")
            rows = np.arange(min(len(dataset), 100))
            images, labels = dataset.read_batch(rows)
            read += [images.numpy().tobytes(), labels.numpy().tobytes()]
            read += [np.ascontiguousarray(dataset.version.weight).tobytes()]
            read += [np.ascontiguousarray(dataset.version.source_index).tobytes()]
            read += [" ".join(dataset.class_names).encode("utf-8", "surrogatepass")]
            read += [" ".join(dataset.version.methods.tolist()).encode("utf-8", "replace")]
            augfactory.load(str(version), normalise=True)
            dataset.rows_in_round_order(0)
            dataset.held_out(0.5)
            next(iter(augfactory.loader(dataset, batch_size=2)), None)
    except AugfactoryError:
        pass
    except TooLongError:
        return "hangs", b"".join(read)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}", b"".join(read)
    if memory_peak() - peak > MEGABYTES:
        return f"{memory_peak() - peak:,} MB of memory", b"".join(read)
    return None, b"".join(read)


def _holds_secret(path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or os.path.getsize(path) > 2**28:
        return False
    return SECRET in path.read_bytes()
