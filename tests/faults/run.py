"""Try every fault there is, on two processes, and say what came of it: ``make faults``.

Exits with 1 where a test failed, or anything was lost, wrong, outside its folder or left over.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.counting import FOLDER, TRIED, WRONG, figures

MEMORY_DISK = Path("/dev/shm")
ROOM = 6 * 2**30  # bytes


def main() -> int:
    """Run the full set and print its figures."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        environment = {**os.environ, "AUGFACTORY_FAULTS": "full", FOLDER: folder, **in_memory()}
        pytest = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"]
        code = subprocess.run(
            [*pytest, "tests/faults", *sys.argv[1:]], check=False, env=environment
        ).returncode
        sums = figures(Path(folder))
    print(f"\nfaults, in {(time.monotonic() - began) / 60:.0f} minutes")
    for what in (*TRIED, *WRONG):
        print(f"{what:24s}{sums[what]:>10,}")
    return int(code != 0 or any(sums[what] for what in WRONG))


def in_memory() -> dict[str, str]:
    """Let everything be written to a disk in memory, where there is one with room.

    The faults are those of a disk that the tests imitate; to wait for a real one proves no more.
    """
    if not MEMORY_DISK.is_dir() or shutil.disk_usage(MEMORY_DISK).free < ROOM:
        return {}
    return {"TMPDIR": str(MEMORY_DISK)}


if __name__ == "__main__":
    sys.exit(main())
