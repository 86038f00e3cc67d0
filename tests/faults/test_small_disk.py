"""A real disk that is full in the middle: exit 5, and with more room the same command completes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.counting import FULL, Problem, count, settle
from tests.faults.small import FORMATS, ROWS, content_hash, expanded, expanding, write_images

BYTES = [f"size={kilobytes}k" for kilobytes in range(4, 240, 4)]
NODES = [f"size=64m,nr_inodes={number}" for number in range(2, 46)]


def can_mount(place: Path) -> bool:
    """Tell whether this account may mount in a namespace of its own."""
    place.mkdir(exist_ok=True)
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.parametrize("storage", FORMATS if FULL else FORMATS[:1])
def test_full_in_the_middle(tmp_path: Path, storage: str) -> None:
    if not can_mount(tmp_path / "mounted"):
        pytest.skip("a small disk cannot be mounted here")
    source = write_images(tmp_path / "source")
    wanted = content_hash(expanded(source, storage, tmp_path))
    sizes = [*BYTES, *NODES] if FULL else [*BYTES[::12], *NODES[::12]]
    module = [sys.executable, "-m", "tests.faults.in_small_disk", str(tmp_path / "mounted")]
    asked = [wanted, str(ROWS), json.dumps(sizes), json.dumps(expanding(source, storage))]
    done = subprocess.run(
        ["unshare", "-m", *module, *asked], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    problems: list[Problem] = []
    for size, (code, told, again, told_again, found) in zip(sizes, lines, strict=True):
        count("full disks", int(code == 5))
        if code not in (0, 5):
            problems.append(Problem("escapes", f"disk of {size}: exit {code}: {told}"))
        if again != 0:
            problems.append(Problem("rows lost", f"disk of {size}, and again: {told_again}"))
        problems += [Problem(*each) for each in found]
    assert any(code == 5 for code, *_ in lines)
    settle(problems)
