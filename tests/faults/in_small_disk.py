"""In a mount namespace of its own: run a command on a disk with little room, then with enough.

Started by ``test_small_disk.py`` through ``unshare``, with the folder to mount on, then the names
that are made there, each in turn on a fresh disk: ``size=100k,nr_inodes=40``. One line of JSON for
each says what came of it.
"""

import json
import subprocess
import sys
from pathlib import Path

from augfactory.commands.expand import build
from tests.faults.running import run
from tests.faults.states import only_version, version_problems

PLENTY = "size=64m,nr_inodes=10000"


def _nothing(*_given: object) -> None:
    """Look at no disk: it is to be full in the middle of things, as when others fill it."""


def _mount(options: str, place: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)


def main() -> None:
    """Try every size."""
    place, wanted, rows, *rest = sys.argv[1:]
    sizes, arguments = json.loads(rest[0]), json.loads(rest[1])
    build.check_disk = _nothing  # type: ignore[assignment,attr-defined]
    for size in sizes:
        _mount(size, Path(place))
        done = run(*arguments, cwd=Path(place))
        when = f"disk of {size}"
        problems = version_problems(Path(place) / "d-x2", wanted, int(rows), when)
        subprocess.run(["mount", "-o", f"remount,{PLENTY}", place], check=True)
        again = run(*arguments, cwd=Path(place))
        problems += only_version(Path(place) / "d-x2", wanted, int(rows), f"{when}, and again")
        told = [done.code, done.stderr[-300:], again.code, again.stderr[-300:], problems]
        subprocess.run(["umount", "-l", place], check=True)
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
