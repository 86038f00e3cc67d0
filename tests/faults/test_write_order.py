"""Power cuts at every call: what was flushed is enough for the old state or the new one."""

import copy
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.faults.counting import FULL, Problem, count, only_full, part_of, settle
from tests.faults.disk import Disk, Loss
from tests.faults.faulty import replaced
from tests.faults.running import run
from tests.faults.small import (
    FORMATS,
    ROWS,
    SIDES,
    content_hash,
    expanded,
    expanding,
    training,
    write_images,
)
from tests.faults.states import differing, only_version, version_problems
from tests.faults.trained import model_of, without_resume

State = Callable[[Path, str], list[Problem]]


def cut_the_power(
    arguments: tuple[str, ...],
    place: Path,
    every: int,
    stands: State,
    finished: State,
    in_full: int = 1,
) -> None:
    """Cut the power after every n-th call and again at the end; then run the command again.

    ``every`` is that n in the reduced set, ``in_full`` in the full one.
    """
    every = in_full if FULL else every
    folder = place / "live"
    folder.mkdir()
    disk, cuts = Disk(folder), []

    def told(number: int, name: str, real: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        answer = disk.called(number, name, real, given)
        if number % every == every // 2:
            cuts.append((number, name, copy.deepcopy(disk.top)))
        return answer

    with replaced(told) as calls:
        done = run(*arguments, cwd=folder)
    assert done.code == 0, done.stderr
    problems = [
        Problem("wrong states", f"{path}: was changed past store.system")
        for path in disk.differences()
    ]
    cuts.append((len(calls.names), "the end", disk.top))
    for (number, name, top), loss in itertools.product(cuts, get_args(Loss)):
        when = f"power cut after call {number} ({name}), {loss} lost"
        after = place / "after"
        Disk(folder, top).after_a_power_cut(after, loss)
        count("power cuts simulated")
        if name == "the end" and not _complete(after):
            problems.append(Problem("rows lost", f"{when}: it had been said to be complete"))
        problems += stands(after, when)
        again = run(*arguments, cwd=after)
        if again.code != 0:
            problems.append(Problem("rows lost", f"{when}, and again: {again.stderr[-300:]}"))
        # An empty .lock may outlive the cut; whoever writes next takes it over.
        problems += [
            each
            for each in finished(after, f"{when}, and again")
            if not (each.kind == "leftovers" and each.text.endswith("/.lock"))
        ]
        shutil.rmtree(after)
    settle(problems)


def _complete(folder: Path) -> bool:
    return any(folder.glob("*/v1/manifest.json")) or any(folder.glob("*/config.json"))


def for_version(dataset: str, version: Path, rows: int = ROWS) -> tuple[State, State]:
    """Return what may stand after a power cut, and what is to stand in the end."""
    wanted = content_hash(version)
    return (
        lambda folder, when: version_problems(folder / dataset, wanted, rows, when),
        lambda folder, when: only_version(folder / dataset, wanted, rows, when),
    )


@pytest.mark.parametrize("storage", part_of(FORMATS, 4))
def test_expand(tmp_path: Path, storage: str) -> None:
    source = write_images(tmp_path / "source")
    version = expanded(source, storage, tmp_path)
    cut_the_power(expanding(source, storage), tmp_path, 29, *for_version("d-x2", version))


def test_expand_of_so_many_files_that_all_disks_are_flushed_at_once(tmp_path: Path) -> None:
    source = write_images(tmp_path / "source", per_class=40)
    arguments = ("expand", str(source), "--factor=2", "--format=png", "--out=d", "--workers=1")
    assert run(*arguments, cwd=tmp_path).code == 0
    stands, finished = for_version("d-x2", tmp_path / "d-x2/v1", rows=240)
    cut_the_power(arguments, tmp_path, 350, stands, finished, in_full=25)


@only_full
@pytest.mark.parametrize("storage", FORMATS)
def test_export(tmp_path: Path, storage: str) -> None:
    origin = expanded(
        write_images(tmp_path / "source"), FORMATS[FORMATS.index(storage) - 1], tmp_path
    )
    arguments = ("export", str(origin), "--to", storage, "--out", "exported")
    cut_the_power(arguments, tmp_path, 13, *for_version("exported", origin), in_full=3)


@only_full
def test_vae_train(tmp_path: Path) -> None:
    source = write_images(tmp_path / "source", 3, *SIDES)
    arguments = training(source)
    beside = tmp_path / "beside"  # as deep as the others: a model tells where its source is from it
    beside.mkdir()
    assert run(*arguments, cwd=beside).code == 0
    wanted = model_of(beside / "model")

    def finished(folder: Path, when: str) -> list[Problem]:
        found = model_of(folder / "model")
        return differing(found, wanted, when)

    def stands(folder: Path, when: str) -> list[Problem]:
        found = model_of(folder / "model")
        if found["config"] is None:
            return []
        return differing(without_resume(found), wanted, when)

    cut_the_power(arguments, tmp_path, 17, stands, finished, in_full=2)
