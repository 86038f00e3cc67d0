"""A folder or file that the user may not read is told as such, with the right exit code."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.serving import Serve, serving
from tests.commands.hostile import make_source, make_version

# Root may read anything, unless it gives that up.
AS_A_USER = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    if os.geteuid() == 0
    else []
)
pytestmark = pytest.mark.skipif(
    bool(AS_A_USER) and shutil.which("setpriv") is None, reason="root without setpriv"
)


@pytest.fixture(scope="module")
def run() -> Iterator[Serve]:
    """Run commands as somebody who may not do everything."""
    with serving(AS_A_USER) as serve:
        yield lambda folder, *arguments: serve(folder, *arguments, "--quiet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_version(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", ["d-x3/v1", "d-x3", "set.npz", "folders"])
@pytest.mark.parametrize("command", ["verify", "expand", "export", "log"])
def test_a_folder_without_rights_is_input_that_cannot_be_used(
    folder: Path, run: Serve, path: str, command: str
) -> None:
    """M7."""
    if path == "folders":
        (folder / path).mkdir()
    if command not in ("expand",) and not path.startswith("d-x3"):
        pytest.skip("no version")
    arguments = {
        "verify": ["verify", path],
        "log": ["log", path],
        "expand": ["expand", path, "--factor", "2", "--out", "out"],
        "export": ["export", path, "--to", "png", "--out", "out"],
    }[command]
    (folder / path).chmod(0)
    try:
        found = run(folder, *arguments)
    finally:
        (folder / path).chmod(0o755)
    assert found.returncode == 3, found.stderr
    assert "denied" in found.stderr
    assert "chmod" in found.stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize("path", ["manifest.json", "plan.parquet", "shards/00000.h5", "README.md"])
def test_a_file_without_rights_is_named(folder: Path, run: Serve, path: str) -> None:
    (folder / "d-x3/v1" / path).chmod(0)
    verified = run(folder, "verify", "d-x3")
    assert verified.returncode == 4, verified.stderr
    assert path in verified.stderr
    exported = run(folder, "export", "d-x3", "--to", "png", "--out", "out")
    assert exported.returncode == 4, exported.stderr
    assert path in exported.stderr


def test_where_nothing_may_be_written_it_is_exit_code_5(folder: Path, run: Serve) -> None:
    (folder / "locked").mkdir(mode=0o555)
    made = run(folder, "expand", "set.npz", "--factor", "2", "--out", "locked/out")
    assert made.returncode == 5, made.stderr
    assert "locked" in made.stderr
    assert make_source(folder).exists()
