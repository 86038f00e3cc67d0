"""A folder of a process goes with it, also where it is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CODE = """
import os, signal, sys
from augfactory.store.disk.passing import folder_of_this_process
folder = folder_of_this_process()
(folder / "within").mkdir()
(folder / "within" / "file").write_bytes(b"data")
print(folder, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("how", ["ends", "is killed", "is killed with its group"])
def test_it_goes(tmp_path: Path, how: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        folder = Path(process.stdout.readline().decode().strip())
        assert (folder / "within" / "file").read_bytes() == b"data"
        assert folder.stat().st_mode & 0o077 == 0
        if how == "ends":
            process.stdin.close()
        elif how == "is killed":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
