"""The largest sets that are promised: many classes of long names, many files, large images."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.faults.counting import only_full
from tests.faults.small import FORMATS

CLASSES, LETTERS = 32_768, 255
MEASURING = """
import json, resource, sys
from augfactory.cli.app import main
try:
    main()
except SystemExit as end:
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, -1)]
    print(json.dumps({"code": end.code, "megabytes": max(peaks) // 1024}), file=sys.stderr)
"""


def measured(*arguments: object, cwd: Path, seconds: float = 600) -> dict[str, Any]:
    """Run the command in a process of its own; return its exit code and its memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURING, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    found = json.loads(done.stderr.splitlines()[-1])
    return {**found, "stderr": done.stderr[-500:]}


@only_full
@pytest.mark.parametrize("storage", FORMATS)
def test_as_many_classes_as_can_be_with_names_as_long_as_can_be(
    tmp_path: Path, storage: str
) -> None:
    random = np.random.default_rng(0)
    np.savez(
        tmp_path / "s.npz",
        images=random.integers(0, 256, (6, 6, 9, 3), dtype=np.uint8),
        labels=np.array([0, 0, 5, 5, CLASSES - 1, CLASSES - 1]),
        class_names=np.array([f"{number:0{LETTERS}d}" for number in range(CLASSES)]),
    )
    arguments = ("s.npz", "--factor=2", "--workers=1", "--out=d", f"--format={storage}")
    for command in (("expand", *arguments), ("verify", "d-x2"), ("info", "d-x2")):
        found = measured(*command, cwd=tmp_path)
        assert found["code"] == 0, found
        assert found["megabytes"] < 2000, found


@only_full
def test_a_folder_of_100_000_files(tmp_path: Path) -> None:
    folder = tmp_path / "s/oak"
    folder.mkdir(parents=True)
    (tmp_path / "s/yew").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    Image.fromarray(pixels).save(tmp_path / "s/yew/0.png")
    for number in range(100_000):  # many names of few files: a file system links one 65,000 times
        if number % 50_000 == 0:
            Image.fromarray(pixels).save(folder / f"{number}.png")
        else:
            os.link(folder / f"{number - number % 50_000}.png", folder / f"{number}.png")
    found = measured("expand", "s", "--factor=2", "--out=d", "--workers=2", cwd=tmp_path)
    assert found["code"] == 0, found
    assert found["megabytes"] < 1000, found
    assert measured("verify", "d-x2", cwd=tmp_path)["code"] == 0


@only_full
@pytest.mark.parametrize("storage", ["hdf5", "parquet"])
def test_large_images_are_verified_in_a_gigabyte(tmp_path: Path, storage: str) -> None:
    random = np.random.default_rng(0)
    np.savez(
        tmp_path / "s.npz",
        images=random.integers(0, 256, (9, 768, 768, 3), dtype=np.uint8),
        labels=np.arange(9) % 3,
    )
    arguments = ("s.npz", "--factor=50", "--workers=1", "--out=d", f"--format={storage}")
    assert measured("expand", *arguments, cwd=tmp_path)["code"] == 0
    found = measured("verify", "d-x50", cwd=tmp_path)
    assert found["code"] == 0, found
    assert found["megabytes"] < 1000, found
