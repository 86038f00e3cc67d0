"""What is told of validation images, and what holds them: reproduce, verify, info, diff."""

import json
import shutil
from pathlib import Path
from typing import Any

import mlcroissant
import numpy as np
import pytest
from PIL import Image

from augfactory.commands.progress import Progress
from augfactory.commands.versions.export import export
from tests.cli.in_process import answer, run
from tests.faults.sealing import seal as reseal

KNOWN = ("--preset", "photo", "--workers", 1)


def write_images(root: Path, sizes: dict[str, int], seed: int = 0) -> Path:
    """Write class folders of 10 x 14 colour images."""
    random = np.random.default_rng(seed)
    for name, count in sizes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (10, 14, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"p{number // 2:02d}_{number}.png")
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``images`` and ``mine``, and versions of them.

    ``d-x2`` holds a quarter out, ``p-x2`` nothing, ``m-x2`` has images of the user's own.
    """
    folder = tmp_path_factory.mktemp("told")
    write_images(folder / "images", {"a": 12, "b": 8})
    write_images(folder / "mine", {"a": 3, "b": 2}, seed=1)
    line = ("expand", "images", "--factor", 2, *KNOWN)
    run(*line, "--validation", 0.25, "--out", "d", cwd=folder)
    run(*line, "--out", "p", cwd=folder)
    run(*line, "--with-validation", "mine", "--out", "m", cwd=folder)
    return folder


def manifest_of(version: Path) -> dict[str, Any]:
    return dict(json.loads((version / "manifest.json").read_text()))


def test_reproduce_reads_validation_images_again(made: Path, tmp_path: Path) -> None:
    told = run("reproduce", "d-x2", "--workers", 1, cwd=made).stdout
    assert "and 5 validation images" in told
    found = answer("reproduce", "m-x2", "--workers", 1, cwd=made)
    assert (found["identical"], found["validation"]) == (True, 5)
    assert answer("reproduce", "p-x2", "--workers", 1, cwd=made)["validation"] == 0
    shutil.copytree(made / "mine", tmp_path / "moved")
    shutil.copytree(made, tmp_path / "there", ignore=shutil.ignore_patterns("mine"))
    line = ("reproduce", "m-x2", "--workers", 1)
    lost = run(*line, cwd=tmp_path / "there", code=3).stderr
    assert "the validation images of m-x2@v1 are from it" in lost
    assert "--with-validation SOURCE" in lost
    run(*line, "--with-validation", tmp_path / "moved", cwd=tmp_path / "there")
    refused = run("reproduce", "d-x2", "--with-validation", "mine", cwd=made, code=2).stderr
    assert "split them off its source" in refused


def test_reproduce_and_verify_find_another_image_in_val(made: Path, tmp_path: Path) -> None:
    """An image was exchanged, and every hash in the manifest was made to match."""
    shutil.copytree(made / "images", tmp_path / "images")
    png = export(str(made / "d-x2"), "png", tmp_path / "d", Progress()).path
    held = next((png / "val/a").glob("*.png"))
    held.chmod(0o644)
    Image.fromarray(np.full((10, 14, 3), 7, dtype=np.uint8)).save(held)
    reseal(png)
    told = run("verify", png, cwd=tmp_path, code=4).stderr
    assert "val: its pixels and labels are not those of its content hash" in told
    told = run("reproduce", png, "--source", "images", "--workers", 1, cwd=tmp_path, code=4).stderr
    assert "val: its image" in told


def test_verify_finds_a_training_original_in_val(made: Path, tmp_path: Path) -> None:
    version = export(str(made / "m-x2"), "png", tmp_path / "m", Progress()).path
    held, trained = (min((version / part / "a").glob("*.png")) for part in ("val", "train"))
    held.chmod(0o644)
    held.write_bytes(trained.read_bytes())
    reseal(version)
    told = run("verify", version, cwd=tmp_path, code=4).stderr
    assert "of it is an original among the training rows too" in told


def test_info_and_diff_know_the_split(made: Path) -> None:
    entry = manifest_of(made / "d-x2/v1")["validation"]
    told = run("info", "d-x2", cwd=made).stdout
    assert "val       5 images (a 3, b 2): 0.25 of the originals" in told
    assert entry["content_hash"] in told
    assert "val  " not in run("info", "p-x2", cwd=made).stdout
    found = answer("diff", "p-x2", "d-x2", cwd=made)["validation"]
    assert {"key": "images", "a": 0, "b": 5} in found
    assert {"key": "content_hash", "b": entry["content_hash"]} in found
    assert answer("diff", "d-x2", "d-x2", cwd=made)["validation"] == []
    assert "val       images 0 → 5" in run("diff", "p-x2", "d-x2", cwd=made).stdout


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph", "ignore:The inplace keyword")
@pytest.mark.parametrize("storage", ["png", "parquet", "hdf5"])
def test_croissant_has_the_split(
    made: Path, tmp_path: Path, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    version = export(str(made / "d-x2"), storage, tmp_path / storage, Progress()).path
    described = mlcroissant.Dataset(jsonld=str(version / "croissant.json"))
    issues = described.metadata.ctx.issues
    assert [*issues.errors, *issues.warnings] == []
    splits = {row["splits/name"]: row for row in described.records("splits")}
    assert splits["validation"]["splits/rows"] == 5
    if storage != "hdf5":
        rows = list(described.records("validation"))
        assert [row["validation/method"] for row in rows] == [b"original"] * 5
        assert sorted(row["validation/label"] for row in rows) == [0, 0, 0, 1, 1]


def test_the_estimate_counts_validation_images(made: Path) -> None:
    line = ("expand", "images", "--factor", 1, *KNOWN, "--out", "no", "--dry-run")
    (whole,) = answer(*line, cwd=made)["datasets"]
    (split,) = answer(*line, "--validation", 0.25, cwd=made)["datasets"]
    assert (whole["rows"], split["rows"], split["validation"]) == (20, 15, 5)
    # The same images either way, in one more file.
    assert split["files"] == whole["files"] + 1
    assert split["bytes"] > whole["bytes"]


def test_skipped_images_are_told_in_card_and_info(tmp_path: Path) -> None:
    write_images(tmp_path / "images", {"a": 6, "b": 6})
    (tmp_path / "images/a/cut.png").write_bytes(b"no image")
    line = ("expand", "images", "--factor", 2, *KNOWN, "--skip-broken", "--out", "d")
    run(*line, cwd=tmp_path)
    card = " ".join((tmp_path / "d-x2/v1/README.md").read_text().split())
    assert "Left out of the source images, since they cannot be read: 1 image: a/cut.png (" in card
    told = run("info", "d-x2", cwd=tmp_path).stdout
    assert "skipped   of source, cannot be read: 1 image: a/cut.png (" in told


@pytest.mark.parametrize(
    ("source", "more", "test"),
    [
        ("images", (), "YOUR_TEST_IMAGES"),
        ("images", ("--validation", 0.25), "n-x2:val"),
        ("both", (), "both:test"),
        ("both:train", (), "both:test"),
        ("both", ("--validation", 0.25), "n-x2:val"),
        ("alone", (), "YOUR_TEST_IMAGES"),
    ],
)
def test_what_is_typed_next_names_the_test_images_that_there_are(
    made: Path, tmp_path: Path, source: str, more: tuple[Any, ...], test: str
) -> None:
    shutil.copytree(made / "images", tmp_path / "images")
    shutil.copytree(made / "images", tmp_path / "both/train")
    shutil.copytree(made / "mine", tmp_path / "both/test")
    shutil.copytree(made / "images", tmp_path / "alone/train")
    line = ("expand", source, "--factor", 2, *KNOWN, *more, "--out", "n")
    told = run(*line, cwd=tmp_path).stdout.splitlines()
    assert told[-1] == f"Next: augfactory evaluate n-x2 --test {test} --minutes 20"
    if test != "YOUR_TEST_IMAGES":
        run(*told[-1].split()[2:], "--dry-run", cwd=tmp_path)  # it can be typed
