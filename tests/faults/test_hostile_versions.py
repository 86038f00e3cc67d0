"""Dataset versions from strangers: damaged at random, and by those who know how they are read."""

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.faults import hostile_files, mutations, sealing
from tests.faults.counting import FULL, Problem, count, part_of, settle
from tests.faults.running import run
from tests.faults.small import FORMATS, expanded, write_images
from tests.faults.using import Place, fresh, place_of, used

SETTINGS = settings(
    max_examples=30 if FULL else 2,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[*HealthCheck],
)
TARGETS = (
    *[("hdf5", name) for name in ("manifest.json", "SHA256SUMS", "plan.parquet")],
    ("hdf5", "shards/00000.h5"),
    ("hdf5", "shards/00002.h5"),
    ("png", "train/ash/00000000.png"),
    ("png", "train/metadata.parquet"),
    ("parquet", "data/"),
    ("webdataset", "shards/"),
    ("webdataset", "_info.json"),
    ("lance", "train.lance/"),
    ("lance", "train.lance/_versions/"),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    """Return what gives the place with a version of each format."""
    made: dict[str, Place] = {}

    def place(storage: str) -> Place:
        if storage not in made:
            folder = tmp_path_factory.mktemp(storage)
            source = write_images(folder / "source")
            made[storage] = place_of(folder, expanded(source, storage, folder))
        return made[storage]

    return place


def target_in(version: Path, name: str) -> Path:
    """Return the file of that name, or the first whose path begins so."""
    paths = sorted(path for path in version.rglob("*") if path.is_file())
    found = [path for path in paths if path.relative_to(version).as_posix().endswith(name)]
    started = [path for path in paths if path.relative_to(version).as_posix().startswith(name)]
    return [*found, *started][0]


@pytest.mark.parametrize(
    "sealed", part_of([True, False], 2), ids=lambda sealed: "sealed" if sealed else "as found"
)
@pytest.mark.parametrize(("storage", "name"), part_of(TARGETS, 3))
def test_damaged_at_random(
    places: Callable[[str], Place], storage: str, name: str, sealed: bool
) -> None:
    place = places(storage)

    @SETTINGS
    @given(mutations.BYTES)
    def damaged(changes: list[mutations.Bytes]) -> None:
        version = fresh(place)
        path = target_in(version, name)
        before = path.read_bytes()
        path.write_bytes(mutations.changed(before, changes))
        if sealed:
            sealing.seal_sums(version) if name == sealing.MANIFEST else sealing.seal(version)
        elif path.read_bytes() != before:
            done = run("verify", version, cwd=place.folder, seconds=20)
            assert done.code in ((3, 4) if name == sealing.MANIFEST else (4,)), done
        problems = used(place, version, name)
        count("hostile inputs tried")
        shutil.rmtree(version.parent.parent)
        settle(problems)

    damaged()


@pytest.mark.parametrize("storage", part_of(FORMATS, 4))
def test_manifest_that_says_something_else(places: Callable[[str], Place], storage: str) -> None:
    place = places(storage)

    @SETTINGS
    @given(mutations.JSON)
    def damaged(changes: list[tuple[int, str, Any]]) -> None:
        version = fresh(place)
        text = mutations.changed_json(sealing.read(version), changes, str(place.secret))
        (version / sealing.MANIFEST).write_bytes(text)
        sealing.seal_sums(version)
        problems = used(place, version, f"manifest {changes}"[:300])
        count("hostile inputs tried")
        shutil.rmtree(version.parent.parent)
        settle(problems)

    damaged()


def test_info_file_that_says_something_else(places: Callable[[str], Place]) -> None:
    place = places("webdataset")

    @SETTINGS
    @given(mutations.JSON)
    def damaged(changes: list[tuple[int, str, Any]]) -> None:
        version = fresh(place)
        path = target_in(version, "_info.json")
        path.write_bytes(
            mutations.changed_json(json.loads(path.read_bytes()), changes, str(place.secret))
        )
        sealing.seal(version)
        problems = used(place, version, f"_info.json {changes}"[:300])
        count("hostile inputs tried")
        shutil.rmtree(version.parent.parent)
        settle(problems)

    damaged()


@pytest.mark.parametrize("storage", FORMATS)
def test_by_those_who_know_how_it_is_read(places: Callable[[str], Place], storage: str) -> None:
    place, problems = places(storage), list[Problem]()
    common = hostile_files.FOR_ALL[:: 1 if storage == "hdf5" else 4]
    attacks = [*common, *hostile_files.ATTACKS[storage]]
    for name, attack in part_of(attacks, 41):
        version = fresh(place)
        attack(version, place.secret)
        sealing.seal(version)
        problems += used(place, version, name)
        count("hostile inputs tried")
        shutil.rmtree(version.parent.parent)
    settle(problems)


@pytest.mark.parametrize("storage", part_of(FORMATS, 4))
def test_no_regular_files(places: Callable[[str], Place], storage: str) -> None:
    place, problems = places(storage), list[Problem]()
    names = sorted(
        path.relative_to(place.version).as_posix()
        for path in place.version.rglob("*")
        if path.is_file()
    )
    few = names[:8] + names[-4:] if len(names) > 12 else names
    kinds: dict[str, Callable[[Path], object]] = {
        "FIFO": os.mkfifo,
        "folder": os.mkdir,
        "device": partial(_link, Path("/dev/zero")),
        "link to a secret": partial(_link, place.secret),
        "dangling link": partial(_link, Path("nowhere")),
        "loop": lambda path: path.symlink_to(path.name),
    }
    for name in part_of(few, 6):
        for kind, make in kinds.items():
            version = fresh(place)
            (version / name).unlink()
            make(version / name)
            problems += used(place, version, f"{kind} instead of {name}")
            count("hostile inputs tried")
            shutil.rmtree(version.parent.parent)
    settle(problems)


def _link(to: Path, path: Path) -> None:
    path.symlink_to(to)
