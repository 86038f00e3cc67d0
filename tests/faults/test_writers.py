"""The same request by several processes at once makes one version, and no process fails oddly."""

from pathlib import Path

import pytest

from tests.faults.counting import FULL, Problem, count, settle
from tests.faults.small import FORMATS, ROWS, content_hash, expanded, expanding, write_images
from tests.faults.states import only_version
from tests.processes import end, start

REFUSED = "another augfactory process is writing"


@pytest.mark.parametrize("writers", [2, 4] if FULL else [3])
@pytest.mark.parametrize("storage", FORMATS if FULL else FORMATS[:1])
def test_one_version_comes_of_it(tmp_path: Path, storage: str, writers: int) -> None:
    source = write_images(tmp_path / "source")
    wanted = content_hash(expanded(source, storage, tmp_path))
    problems: list[Problem] = []
    for repetition in range(6 if FULL else 1):
        folder = tmp_path / f"case-{repetition}"
        folder.mkdir()
        processes = [start(*expanding(source, storage), cwd=folder) for _ in range(writers)]
        ends = [end(process) for process in processes]
        count("writers at once", writers)
        for done in ends:
            if done.returncode != 0 and not (done.returncode == 2 and REFUSED in done.stderr):
                told = f"exit {done.returncode}: {done.stderr[-300:]}"
                problems.append(Problem("escapes", told))
        if all(done.returncode != 0 for done in ends):
            problems.append(Problem("rows lost", "nobody made it"))
        when = f"{writers} writers, {storage}"
        problems += only_version(folder / "d-x2", wanted, ROWS, when)
    settle(problems)
