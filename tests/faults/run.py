"""Try every fault there is, on two processes, and say what came of it: ``make faults``.

Exits with 1 where a test failed, or anything was lost, wrong, outside its folder or left over.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.counting import FOLDER, TRIED, WRONG, figures


def main() -> int:
    """Run the full set and print its figures."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        environment = {**os.environ, "AUGFACTORY_FAULTS": "full", FOLDER: folder}
        pytest = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"]
        code = subprocess.run(
            [*pytest, "tests/faults", *sys.argv[1:]], check=False, env=environment
        ).returncode
        sums = figures(Path(folder))
    print(f"\nfaults, in {(time.monotonic() - began) / 60:.0f} minutes")
    for what in (*TRIED, *WRONG):
        print(f"{what:24s}{sums[what]:>10,}")
    return int(code != 0 or any(sums[what] for what in WRONG))


if __name__ == "__main__":
    sys.exit(main())
