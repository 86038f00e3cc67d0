"""Every call that changes the disk fails in turn, once and for good, in every command that writes.

After each failure the answer is an error of ours or a success that is one, what stands on the disk
is the old state or the new one, and the same command completes when the disk is well again.
"""

import errno
import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.counting import FULL, Problem, count, only_full, part_of, settle
from tests.faults.faulty import FOR_GOOD, ONCE, failing
from tests.faults.running import Done, run
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
from tests.faults.states import anything_in, differing, leftovers, only_version, version_problems
from tests.faults.trained import evaluation_of, model_of, study_text, without_resume

KINDS = [(error, lasting) for lasting in (False, True) for error in (FOR_GOOD if lasting else ONCE)]
# The full set: every kind for one format, and for the others two that stand for all.
CASES = [
    pytest.param(storage, kind, id=f"{storage}-{errno.errorcode[kind[0]]}-{kind[1]}")
    for storage in FORMATS
    for kind in (KINDS if storage == "hdf5" else [KINDS[0], KINDS[4]])
]
if not FULL:
    CASES = [pytest.param(storage, None, id=storage) for storage in FORMATS]
Faults = Iterator[tuple[int, int, bool, str | None]]  # which call, error, lasting, only of


@dataclass(frozen=True)
class Operation:
    """A command that writes, run in a fresh folder each time.

    Attributes:
        arguments: of the command line.
        whatever_stands: problems of what stands after a failure: (folder, when).
        finished: problems of what stands at the end, which is to be the undisturbed state.
    """

    arguments: tuple[str, ...]
    whatever_stands: Callable[[Path, str], list[Problem]]
    finished: Callable[[Path, str], list[Problem]]


def sweep(operation: Operation, place: Path, temporary: Path, faults: Faults) -> None:
    """Carry the operation out under each fault and again without, and settle what was wrong."""
    problems: list[Problem] = []
    for at, error, lasting, only in faults:
        folder = place / "case"
        folder.mkdir()
        with failing(at, error, lasting=lasting, only=only) as calls:
            done = run(*operation.arguments, cwd=folder)
        if calls.struck is None:
            shutil.rmtree(folder)
            break
        name = calls.names[calls.struck - 1]
        kind = (
            f"{errno.errorcode[error]} {'from' if lasting else 'at'} call {calls.struck} ({name})"
        )
        count("faults injected")
        problems += _told(done, kind)
        state = operation.finished if done.code == 0 else operation.whatever_stands
        found = state(folder, f"{kind}, then exit {done.code}")
        if done.code == 0 and lasting:  # what cannot be removed stays until the next run
            found = [each for each in found if each.kind != "leftovers"]
        problems += found
        again = run(*operation.arguments, cwd=folder)
        if again.code != 0:
            problems.append(Problem("rows lost", f"{kind}, and again: {again.stderr[-300:]}"))
        problems += operation.finished(folder, f"{kind}, and again")
        problems += leftovers(folder, f"{kind}, and again")
        problems += anything_in(temporary, f"{kind}, and again")
        shutil.rmtree(folder)
        for path in temporary.iterdir():
            shutil.rmtree(path)
    settle(problems)


def _told(done: Done, kind: str) -> list[Problem]:
    return [Problem("escapes", f"{kind}: {done.defect}")] if done.defect else []


def each_call(error: int, lasting: bool) -> Faults:
    """Strike every call, one after the other."""
    return ((at, error, lasting, None) for at in itertools.count(1))


def in_turns(every: int) -> Faults:
    """Strike every n-th call, with another error each time, now once, now for good."""
    kinds = itertools.cycle(KINDS)
    return ((at, *next(kinds), None) for at in itertools.count(1, every))


def no_locks() -> Faults:
    """Let the file system refuse to lock."""
    kinds = itertools.product((errno.ENOLCK, errno.EOPNOTSUPP), (False, True))
    return ((1, error, lasting, "flock") for error, lasting in kinds)


def of_version(arguments: tuple[str, ...], dataset: str, version: Path) -> Operation:
    """Return an operation that makes one version with the content of ``version``."""
    wanted = content_hash(version)
    return Operation(
        arguments,
        lambda folder, when: version_problems(folder / dataset, wanted, ROWS, when),
        lambda folder, when: only_version(folder / dataset, wanted, ROWS, when),
    )


@pytest.mark.parametrize(("storage", "kind"), CASES)
def test_expand(
    tmp_path: Path, temporary: Path, storage: str, kind: tuple[int, bool] | None
) -> None:
    source = write_images(tmp_path / "source")
    version = expanded(source, storage, tmp_path)
    faults = each_call(*kind) if kind else in_turns(29)
    sweep(of_version(expanding(source, storage), "d-x2", version), tmp_path, temporary, faults)


@pytest.mark.parametrize("storage", part_of(FORMATS, 3))
def test_expand_where_nothing_can_be_locked(tmp_path: Path, temporary: Path, storage: str) -> None:
    source = write_images(tmp_path / "source")
    version = expanded(source, storage, tmp_path)
    sweep(of_version(expanding(source, storage), "d-x2", version), tmp_path, temporary, no_locks())


@pytest.mark.parametrize("storage", part_of(FORMATS, 3))
def test_export(tmp_path: Path, temporary: Path, storage: str) -> None:
    source = write_images(tmp_path / "source")
    origin = expanded(source, FORMATS[FORMATS.index(storage) - 1], tmp_path)
    arguments = ("export", str(origin), "--to", storage, "--out", "exported")
    operation = of_version(arguments, "exported", origin)
    sweep(operation, tmp_path, temporary, in_turns(1 if FULL else 41))


def test_reproduce(tmp_path: Path, temporary: Path) -> None:
    version = expanded(write_images(tmp_path / "source"), "hdf5", tmp_path)
    before = {path: path.read_bytes() for path in version.rglob("*") if path.is_file()}

    def unchanged(folder: Path, when: str) -> list[Problem]:
        there = {path: path.read_bytes() for path in version.rglob("*") if path.is_file()}
        same = there == before and not list(folder.iterdir())
        return [] if same else [Problem("wrong states", f"{when}: something was written")]

    arguments = ("reproduce", str(version), "--workers", "1")
    operation = Operation(arguments, unchanged, unchanged)
    sweep(operation, tmp_path, temporary, in_turns(1 if FULL else 17))


@only_full
def test_vae_train(tmp_path: Path, temporary: Path) -> None:
    source = write_images(tmp_path / "source", 3, *SIDES)
    arguments = training(source)
    beside = tmp_path / "beside"  # as deep as the cases: a model tells where its source is from it
    beside.mkdir()
    done = run(*arguments, cwd=beside)
    assert done.code == 0, done.stderr
    wanted = model_of(beside / "model")

    def whole(folder: Path, when: str) -> list[Problem]:
        found = model_of(folder / "model")
        return differing(found, wanted, when)

    def whole_or_none(folder: Path, when: str) -> list[Problem]:
        if not (folder / "model/config.json").exists():
            return []
        return differing(without_resume(model_of(folder / "model")), wanted, when)

    operation = Operation(arguments, whole_or_none, whole)
    sweep(operation, tmp_path, temporary, in_turns(2))


@only_full
def test_evaluate(tmp_path: Path, temporary: Path) -> None:
    source = write_images(tmp_path / "source/train", 4, *SIDES)
    write_images(tmp_path / "source/test", 2, *SIDES, seed=1)
    expand = ("expand", source.parent, "--factor=2", "--workers=1", "--out=d")
    assert run(*expand, cwd=tmp_path).code == 0
    arguments = (
        *("evaluate", str(tmp_path / "d-x2"), "--test", f"{source.parent}:test"),
        *("--steps=2", "--seeds=1", "--out=found", "--workers=1"),
    )
    assert run(*arguments, cwd=tmp_path).code == 0
    sweep_evaluation(tmp_path, temporary, arguments, in_turns(3))


@only_full
def test_study(tmp_path: Path, temporary: Path) -> None:
    source = write_images(tmp_path / "source/train", 6, *SIDES)
    write_images(tmp_path / "source/test", 2, *SIDES, seed=1)
    (tmp_path / "study.toml").write_text(study_text(source.parent))
    arguments = ("study", str(tmp_path / "study.toml"), "--out", "found", "--workers", "1")
    done = run(*arguments, cwd=tmp_path)
    assert done.code == 0, done.stderr
    # A fifteenth of all calls: each takes seconds, and most are those of the commands above.
    sweep_evaluation(tmp_path, temporary, arguments, in_turns(15))


def sweep_evaluation(
    place: Path, temporary: Path, arguments: tuple[str, ...], faults: Faults
) -> None:
    """Let an evaluation that was undisturbed in ``place/found`` meet ``faults``."""
    wanted = evaluation_of(place / "found")

    def whole(folder: Path, when: str) -> list[Problem]:
        found = evaluation_of(folder / "found")
        return differing(found, wanted, when)

    def whole_or_none(folder: Path, when: str) -> list[Problem]:
        return whole(folder, when) if (folder / "found/results.json").exists() else []

    sweep(Operation(arguments, whole_or_none, whole), place, temporary, faults)
