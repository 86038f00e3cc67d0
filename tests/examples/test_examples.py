"""Every example learns from a real version, offline, and really uses the soft labels."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from augfactory.commands.expand import expand
from augfactory.commands.expand_request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipe import Format, mix_stage
from augfactory.records import SourceSpec

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")
# The storage each reads, and the accuracy it must exceed; guessing one class gives 0.1.
SCRIPTS: dict[str, tuple[Format, float]] = {
    "pytorch_loop.py": ("hdf5", 0.6),
    "bare_h5py.py": ("hdf5", 0.6),
    "scikit_learn.py": ("hdf5", 0.5),
    "timm_hfds.py": ("png", 0.5),
}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[Format, Path]:
    """Return the same 700 digits as HDF5 and as PNG."""
    place = tmp_path_factory.mktemp("examples")
    mix = (mix_stage("test", "mixup", 2, "expanded", {}),)
    storages: tuple[Format, ...] = ("hdf5", "png")
    return {
        storage: expand(
            ExpandRequest(
                SourceSpec("sample"), place / storage, (5,), n_train=100, mix=mix, format=storage
            ),
            Progress(),
        )[0].path
        for storage in storages
    }


def run(script: str, folder: Path, cache: Path, *options: str) -> tuple[float, float]:
    """Return the loss and the accuracy that the script printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), str(folder), *options],
        cwd=cache,
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(cache),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"loss (\S+)  accuracy (\S+)  \(2[05] held out\)\n", done.stdout)
    assert found, done.stdout
    return float(found[1]), float(found[2])


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_learns_and_soft_labels_are_used(
    script: str, versions: dict[Format, Path], tmp_path: Path
) -> None:
    storage, floor = SCRIPTS[script]
    loss, accuracy = run(script, versions[storage], tmp_path)
    assert accuracy > floor
    # No network gets below the entropy of a soft label; a hard one has none.
    hard_loss, _ = run(script, versions[storage], tmp_path, "--hard")
    assert hard_loss < 0.99 * loss


def test_bare_means_without_augfactory() -> None:
    assert "import augfactory" not in (EXAMPLES / "bare_h5py.py").read_text(encoding="utf-8")


def test_the_page_names_every_example_and_the_constrained_versions() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SCRIPTS)
    constraints = (EXAMPLES.parent / "constraints.txt").read_text(encoding="utf-8")
    pinned = dict(line.split("==") for line in constraints.splitlines() if "==" in line)
    rows = {
        script: re.search(rf"^\| \[{script}\]\({script}\) \|.*$", PAGE, flags=re.MULTILINE)
        for script in SCRIPTS
    }
    for script, row in rows.items():
        assert row, script
        named = re.findall(r"([a-z0-9-]+) (\d+\.\d+\.\d+)", row[0])
        assert named, script
        for package, number in named:
            assert pinned[package] == number, (script, package)
            assert version(package).split("+")[0] == number
