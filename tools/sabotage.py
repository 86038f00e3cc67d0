"""Take one safeguard away at a time, and see that the tests notice: ``make sabotage``.

Each line of ``SABOTAGES`` names a file, a text in it, what is put in its place, and a test that
must fail then. It is done to a copy of the tree, never to the tree itself. Exits with 1 where a
sabotage went unnoticed, or could not be carried out because the text is not there any more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COPIED = ("augfactory", "tests", "tools", "data/digits", "pyproject.toml")
EVERY_CALL = "tests/faults/test_every_call.py::test_expand"
WRITE_ORDER = "tests/faults/test_write_order.py::test_expand[hdf5]"
MANY_FILES = "tests/faults/test_write_order.py::test_expand_of_so_many_files"


class Sabotage(NamedTuple):
    """One safeguard, and the test that is there for it."""

    what: str
    file: str
    text: str
    instead: str
    test: str


SABOTAGES = (
    Sabotage(
        "a file is not flushed before it gets its name",
        "augfactory/store/atomic.py",
        "                yield file\n            system.fsync(descriptor)\n",
        "                yield file\n",
        WRITE_ORDER,
    ),
    Sabotage(
        "a folder is not flushed after a rename",
        "augfactory/store/atomic.py",
        "        system.replace(temporary, path)\n        sync_folder(path.parent)",
        "        system.replace(temporary, path)",
        WRITE_ORDER,
    ),
    Sabotage(
        "a file is written where it will be read",
        "augfactory/store/atomic.py",
        '    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}")',
        "    temporary = path",
        "tests/faults/test_kills.py",
    ),
    Sabotage(
        "a version's name is not flushed",
        "augfactory/store/atomic.py",
        "        system.replace(building, final)\n        sync_folder(final.parent)",
        "        system.replace(building, final)",
        WRITE_ORDER,
    ),
    Sabotage(
        "many files are not flushed",
        "augfactory/store/atomic.py",
        "        if at_once:\n            system.sync()",
        "        if at_once:\n            pass",
        MANY_FILES,
    ),
    Sabotage(
        "a full disk is not told in words",
        "augfactory/store/atomic.py",
        "        sync_folder(path.parent)\n    except OSError as error:\n",
        "        sync_folder(path.parent)\n    except ZeroDivisionError as error:\n",
        EVERY_CALL,
    ),
    Sabotage(
        "a lock that cannot be had is taken for another writer",
        "augfactory/store/lock.py",
        "            if error.errno in HELD:",
        "            if True:",
        "tests/store/test_lock.py",
    ),
    Sabotage(
        "several may write at once",
        "augfactory/store/lock.py",
        "            system.flock(descriptor)\n",
        "            pass\n",
        "tests/store/test_lock.py",
    ),
    Sabotage(
        "paths may lead up",
        "augfactory/guarded/files.py",
        '        any(part in ("", ".", "..") for part in parts)',
        "        False",
        "tests/guarded/test_files.py",
    ),
    Sabotage(
        "what is no regular file is opened",
        "augfactory/guarded/files.py",
        "    kind = kind_of(mode)\n    if kind is not None:",
        "    kind = kind_of(mode)\n    if kind is None and kind:",
        "tests/guarded/test_files.py",
    ),
    Sabotage(
        "links inside a version are followed",
        "augfactory/guarded/files.py",
        "    return open_regular(inside(folder, path), follow=False)",
        "    return open_regular(inside(folder, path))",
        "tests/guarded/test_files.py",
    ),
    Sabotage(
        "HDF5 may point at other files",
        "augfactory/guarded/hdf5.py",
        "    if dataset.is_virtual or dataset.external or properties.get_layout() not in LAYOUTS:",
        "    if False:",
        "tests/guarded/test_hdf5.py",
    ),
)


def main() -> int:
    """Carry out every sabotage, or those whose words the arguments name."""
    unnoticed = 0
    for sabotage in SABOTAGES:
        if sys.argv[1:] and not any(word in sabotage.what for word in sys.argv[1:]):
            continue
        found = _outcome(sabotage)
        unnoticed += found != "noticed"
        print(f"{found:12s}{sabotage.what:56s}{sabotage.test}", flush=True)
    return int(unnoticed > 0)


def _outcome(sabotage: Sabotage) -> str:
    with tempfile.TemporaryDirectory(prefix="sabotage-") as name:
        copy = Path(name)
        for each in COPIED:
            there = ROOT / each
            (copy / each).parent.mkdir(parents=True, exist_ok=True)
            if there.is_dir():
                shutil.copytree(there, copy / each, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(there, copy / each)
        file = copy / sabotage.file
        text = file.read_text("utf-8")
        if text.count(sabotage.text) != 1:
            return "no such text" if sabotage.text not in text else "ambiguous"
        file.write_text(text.replace(sabotage.text, sabotage.instead), "utf-8")
        test = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", sabotage.test]
        done = subprocess.run(
            [sys.executable, *test],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
        # 1: tests failed. Anything else, such as a test that is not there, notices nothing.
        return {0: "UNNOTICED", 1: "noticed"}.get(done.returncode, f"pytest {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
