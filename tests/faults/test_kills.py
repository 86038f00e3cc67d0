"""Killed at each call that changes the disk, and at any moment: the same command completes it."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.counting import FULL, Problem, count, part_of, settle
from tests.faults.running import run
from tests.faults.small import FORMATS, ROWS, content_hash, expanded, expanding, write_images
from tests.faults.states import only_version, version_problems
from tests.faults.zygote import ask, zygote
from tests.processes import end, start

IN_A_ROW = 4
MOMENTS = 50  # in each format


@pytest.mark.parametrize("storage", part_of(FORMATS, 4))
def test_killed_at_each_call(tmp_path: Path, storage: str) -> None:
    source = write_images(tmp_path / "source")
    wanted = content_hash(expanded(source, storage, tmp_path))
    arguments, problems = expanding(source, storage), list[Problem]()
    (tmp_path / "zygote").mkdir()
    with zygote(tmp_path / "zygote") as process:
        for at in itertools.count(1, 1 if FULL else 23):
            folder = tmp_path / "case"
            folder.mkdir()
            code, _ = ask(process, arguments, folder, at)
            if code != -signal.SIGKILL:
                problems += [] if code == 0 else [Problem("escapes", f"call {at}: exit {code}")]
                break
            count("kills survived")
            when = f"killed at call {at}"
            problems += after_a_kill(process, arguments, folder, wanted, when)
            shutil.rmtree(folder)
    settle(problems)


@pytest.mark.parametrize("storage", part_of(FORMATS, 4))
def test_killed_at_random_moments(tmp_path: Path, storage: str) -> None:
    """Kill a process that has everything imported, so that the moments lie within its work."""
    source = write_images(tmp_path / "source")
    wanted = content_hash(expanded(source, storage, tmp_path))
    arguments, problems = expanding(source, storage), list[Problem]()
    draw = random.Random(storage)
    (tmp_path / "zygote").mkdir()
    with zygote(tmp_path / "zygote") as process:
        (tmp_path / "undisturbed").mkdir()
        # The first answer waits for the imports.
        assert ask(process, arguments, tmp_path / "undisturbed", 0)[0] == 0
        folder = tmp_path / "case"
        folder.mkdir()
        began = time.monotonic()
        assert ask(process, arguments, folder, 0)[0] == 0
        duration = time.monotonic() - began
        shutil.rmtree(folder)
        for _ in range(MOMENTS if FULL else 2):
            folder.mkdir()
            moment = draw.uniform(0, duration)
            code, _ = ask(process, arguments, folder, 0, moment)
            count("kills survived", int(code == -signal.SIGKILL))
            when = f"killed after {moment:.3f} of {duration:.3f} s"
            problems += after_a_kill(process, arguments, folder, wanted, when)
            shutil.rmtree(folder)
    settle(problems)


@pytest.mark.parametrize("seed", range(2 if FULL else 1))
def test_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    """Kill the command with its workers, some times in a row, then let it end."""
    storage = FORMATS[seed % len(FORMATS)]
    source = write_images(tmp_path / "source", 40, 24, 20)
    arguments = (
        *("expand", str(source), "--factor=15", "--mixup=8", "--cutmix=2", "--out=d"),
        *("--workers=2", f"--format={storage}"),
    )
    rows, draw = 120 * (15 + 8 + 2), random.Random(seed)  # enough for two workers
    (tmp_path / "undisturbed").mkdir()
    began = time.monotonic()
    done = end(start(*arguments, cwd=tmp_path / "undisturbed"))
    duration = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    wanted = content_hash(tmp_path / "undisturbed/d-x15/v1")
    problems: list[Problem] = []
    for case in range(2 if FULL else 1):
        folder = tmp_path / f"case-{case}"
        folder.mkdir()
        moments = [draw.uniform(0.2, 0.95 * duration) for _ in range(IN_A_ROW if FULL else 1)]
        for moment in moments:
            process = start(*arguments, cwd=folder)
            time.sleep(moment)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            count("kills survived", int(process.returncode == -signal.SIGKILL))
            problems += version_problems(folder / "d-x15", wanted, rows, f"killed at {moments}")
        again = run(*arguments[:-2], "--workers=1", arguments[-1], cwd=folder)
        if again.code != 0:
            problems.append(Problem("rows lost", f"killed at {moments}: {again.stderr[-300:]}"))
        problems += only_version(folder / "d-x15", wanted, rows, f"killed at {moments}")
        shutil.rmtree(folder)
    settle(problems)


def after_a_kill(
    process: "subprocess.Popen[str]",
    arguments: tuple[str, ...],
    folder: Path,
    wanted: str,
    when: str,
) -> list[Problem]:
    """Look at what a killed command left, let it end, and look again."""
    problems = version_problems(folder / "d-x2", wanted, ROWS, when)
    again, _ = ask(process, arguments, folder, 0)
    if again != 0:
        problems.append(Problem("rows lost", f"{when}, and again: exit {again}"))
    return problems + only_version(folder / "d-x2", wanted, ROWS, f"{when}, and again")
