"""The documents' studies in their quick size, and one that is killed, as real processes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augfactory.keyed_random import generator
from tests.cli import in_process
from tests.processes import RunCommand, StopCommand

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.toml"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes of blurred colour patterns, 16×18, in a .npz for each split."""
    folder = tmp_path_factory.mktemp("photos")
    for split, each in (("train", 12), ("test", 20)):
        labels = np.repeat(np.arange(10), each)
        coarse = generator("class patterns").random((10, 8, 6, 3))[labels]
        coarse = 0.6 * coarse + 0.4 * generator("patterns", split).random(coarse.shape)
        images = (255 * coarse.repeat(2, axis=1).repeat(3, axis=2)).astype(np.uint8)
        np.savez(folder / f"{split}.npz", image=images, label=labels)
    return folder


@pytest.mark.heavy
@pytest.mark.parametrize("study", STUDIES, ids=lambda path: str(path.stem))
def test_quick_studies_run(
    study: Path, photos: Path, tmp_path: Path, run_command: RunCommand
) -> None:
    sources = ["--source", photos / "train.npz", "--test", photos / "test.npz"]
    # In fewer steps still: that it runs is seen here, what comes out is measured elsewhere.
    head, quick = study.read_text(encoding="utf-8").split("[quick]")
    quick = re.sub(r"(?m)^(test_rows|steps) = .*", "", quick.split("[full]")[0])
    head = head.replace("images = 5000", "images = 60\nsteps = 2")
    (tmp_path / study.name).write_text(f"{head}[quick]\nsteps = 2\ntest_rows = 50\n{quick}")
    arguments = [study.name, "--quick", "--workers", 1, "--out", "out", "--json"]
    if "torchvision:" in study.read_text(encoding="utf-8").split("[full]")[0]:
        arguments += sources
    done = run_command("study", *arguments, cwd=tmp_path)
    found = json.loads(done.stdout)
    assert found["size"] == "quick"
    for group in found["groups"]:
        assert len(group["arms"]) >= 5
        assert all(0 <= arm["accuracy"]["mean"] <= 1 for arm in group["arms"])
    assert {Path(path).name for path in found["files"]} >= {"tables.md", "report.html"}
    assert not [alert for alert in found["alerts"] if "Not run" in alert["text"]]


SMALL = """
title = "killed"
source = "{photos}/train.npz"
test = "{photos}/test.npz"
n_train = [20]
subsets = 2
seeds = 1
steps = 5
batch = 16
[[arms]]
name = "originals"
[[arms]]
name = "mixup"
factor = 1
[[arms.mix]]
method = "mixup"
copies = 2
"""


def test_a_killed_study_repeats_no_finished_cell(
    photos: Path, tmp_path: Path, stop_command: StopCommand
) -> None:
    (tmp_path / "killed.toml").write_text(SMALL.format(photos=photos))
    command = ["study", "killed.toml", "--out", "out", "--json", "--workers"]
    cells = tmp_path / "out" / "cells"
    stop_command(*command, "2", cwd=tmp_path, once="out/cells/[!.]*.json")
    before = {path.name: path.stat().st_mtime_ns for path in cells.glob("[!.]*.json")}
    assert 1 <= len(before) < 4

    done = in_process.run(*command, "1", cwd=tmp_path)
    after = {path.name: path.stat().st_mtime_ns for path in cells.glob("[!.]*.json")}
    assert len(after) == 4
    assert before.items() <= after.items()
    assert f"{len(before)} of 4 classifiers are kept in out" in done.stderr
    arms = json.loads(done.stdout)["groups"][0]["arms"]
    assert [len(arm["accuracy"]["values"]) for arm in arms] == [2, 2]


def test_a_dry_run_only_says_what_it_would_do(photos: Path, tmp_path: Path) -> None:
    sources = ("--source", str(photos / "train.npz"), "--test", str(photos / "test.npz"))
    asked = ("study", STUDIES[0], "--quick", *sources, "--dry-run", "--out", "out")
    assert in_process.answer(*asked, cwd=tmp_path)["classifiers"] == 7
    assert not (tmp_path / "out").exists()


def test_folders_of_mixed_sizes_are_brought_to_one(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    for split, each in (("train", 12), ("test", 6)):
        for number in range(2 * each):
            folder = tmp_path / "images" / split / "ab"[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, (20 + number, 31 - number, 3), dtype=np.uint8)
            Image.fromarray(pixels if split == "test" else pixels[2:]).save(
                folder / f"{number}.png"
            )
    own = ("--source", "images:train", "--test", "images:test")
    asked = ("study", STUDIES[0], "--quick", "--dry-run", "--out", "out", *own)
    refused = in_process.run(*asked, cwd=tmp_path, code=3).stderr
    assert "--size 64, or the keys `size` and `colour`" in refused
    said = in_process.run(*asked, "--size", "16x24", "--fit", "pad", cwd=tmp_path).stderr
    assert "read as 16x24" in said
    told = in_process.run(*asked, "--fit", "pad", cwd=tmp_path, code=2).stderr
    assert "Give size too" in told
    wrong = in_process.run(*asked, "--size", "16", "--fit", "no", cwd=tmp_path, code=2).stderr
    assert "crop, squash, pad" in wrong
