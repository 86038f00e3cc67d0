"""Folders that go when their process does, however it ends."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

# It reads to the end of a pipe, which comes when the other process is gone. It forks before: Ray
# kills the children of a worker that ends, and not the children of these.
REMOVER = """
import os, shutil, sys
if os.fork() == 0:
    sys.stdin.read()
    shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


def folder_of_this_process() -> Path:
    """Make a temporary folder, and a process that removes it once this one has ended.

    Neither ``atexit`` nor a finalizer would do: Ray ends its workers without a word. The pipe stays
    open until this process ends.
    """
    folder = Path(tempfile.mkdtemp(prefix="augfactory-")).resolve()
    end, _ = os.pipe()  # the other one is open in no process that is started from here
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", REMOVER, str(folder)],
        stdin=end,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what ends a whole group of processes is not to end it
        check=True,
    )
    os.close(end)
    return folder
