"""How much is tried, and what is counted: lines of JSON that ``make faults`` adds up.

The full set is tried where the environment says ``AUGFACTORY_FAULTS=full``, else a part of it.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

FULL = os.environ.get("AUGFACTORY_FAULTS") == "full"
FOLDER = "AUGFACTORY_FAULTS_FIGURES"
TRIED = (
    "faults injected",
    "kills survived",
    "power cuts simulated",
    "writers at once",
    "full disks",
    "hostile inputs tried",
    "bytes flipped",
    "structural changes",
)
WRONG = ("rows lost", "wrong states", "escapes", "leftovers")  # all are to be 0
Some = TypeVar("Some")

only_full = pytest.mark.skipif(not FULL, reason="only in the full set: make faults")


class Problem(NamedTuple):
    """One thing that should not have been: ``kind`` is one of ``WRONG``."""

    kind: str
    text: str


def part_of(all_of_them: Sequence[Some], every: int) -> Sequence[Some]:
    """Return all of them in the full set, else every n-th."""
    return all_of_them if FULL else all_of_them[::every]


def moments(count: int, every: int, offset: int = 0) -> range:
    """Return the numbers 1 to ``count`` in the full set, else every n-th from ``offset`` on."""
    return range(1, count + 1) if FULL else range(1 + offset % every, count + 1, every)


def count(what: str, number: int = 1) -> None:
    """Note that ``number`` of ``what`` happened, for the figures at the end."""
    assert what in TRIED + WRONG
    if FOLDER in os.environ:
        with open(Path(os.environ[FOLDER]) / f"{os.getpid()}.jsonl", "a") as file:
            file.write(json.dumps({what: number}) + "\n")


def settle(problems: Sequence[Problem]) -> None:
    """Count the problems, and fail with the first of them if there is any."""
    for kind, number in Counter(problem.kind for problem in problems).items():
        count(kind, number)
    if problems:
        shown = "\n".join(f"  {problem.kind}: {problem.text}" for problem in problems[:40])
        pytest.fail(f"{len(problems)} problem(s)\n{shown}", pytrace=False)


def figures(folder: Path) -> dict[str, int]:
    """Add up what all processes noted in ``folder``."""
    sums: Counter[str] = Counter(dict.fromkeys(TRIED + WRONG, 0))
    for path in folder.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            sums.update(json.loads(line))
    return dict(sums)
