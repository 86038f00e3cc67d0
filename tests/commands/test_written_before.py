"""Versions, a model, an evaluation and a study that an earlier augfactory wrote: see fixtures."""

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augfactory
from augfactory.evaluation.training import settings
from augfactory.store.reader import open_version
from tests.cli.in_process import answer, run

BEFORE = Path(__file__).parents[1] / "fixtures" / "bolts.tar.xz"
FORMATS = ("hdf5", "png", "parquet", "webdataset")
WITH_MODEL = "01b5831185bf5188a6ae12edc0e2024b70210fe4a7516691f3e06e7307a84757"
WITHOUT = "4c0d4aeca6426f155cfe2322d08c154de1761d6777e325684b3db1621463c3df"
# Photographs, and clothes, of which nothing is said are varied further since.
PLAIN = ("--vary", "none")
MIXED = ("--mixup", 1, "--ricap", 1, *PLAIN)
EVERY = ("--factor", 2, "--cutmix", 1, "--augmix", 1, "--preset", "clothes", "--seed", 3, *PLAIN)
FIGURES = ("accuracy", "balanced_accuracy", "nll", "brier", "ece", "curve")
EVALUATE = ("evaluate", "hdf5-x3", "--test", "test.npz", "--seeds", 2, "--steps", 12, "--batch", 6)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was written before, moved to another folder as its owner might do."""
    place = tmp_path_factory.mktemp("bolts")
    with tarfile.open(BEFORE) as archive:
        archive.extractall(place, filter="data")
    config = place / "model" / "config.json"
    # A model tells its source by an absolute path: the owner says where it is now.
    config.write_text(config.read_text().replace("/tmp/bolts/", f"{place}/"))
    return place


@pytest.fixture
def bolts(written: Path, tmp_path: Path) -> Path:
    """A copy of its own for a test that writes there."""
    shutil.copytree(written, tmp_path / "bolts")
    config = tmp_path / "bolts" / "model" / "config.json"
    config.write_text(config.read_text().replace(f"{written}/", f"{tmp_path / 'bolts'}/"))
    return tmp_path / "bolts"


@pytest.mark.parametrize("name", [*FORMATS, "every"])
def test_versions_verify_and_load(written: Path, name: str) -> None:
    factor, content = (2, WITHOUT) if name == "every" else (3, WITH_MODEL)
    run("verify", f"{name}-x{factor}@v1", cwd=written)
    found = answer("info", f"{name}-x{factor}@v1", cwd=written)
    assert found["content_hash"] == content
    loaded = augfactory.load(str(written / f"{name}-x{factor}" / "v1"))
    assert len(loaded) == 18 * (factor + 2)


@pytest.mark.parametrize("storage", FORMATS)
def test_the_same_request_with_the_model_is_known(written: Path, storage: str) -> None:
    line = ("model", "--out", storage, "--factor", 3, *MIXED, "--format", storage)
    (dataset,) = answer("expand", *line, cwd=written)["datasets"]
    assert dataset["existing"]
    assert dataset["content_hash"] == WITH_MODEL


def test_the_same_request_without_a_model_is_known_and_made_again(bolts: Path) -> None:
    (dataset,) = answer("expand", "train.npz", "--out", "every", *EVERY, cwd=bolts)["datasets"]
    assert dataset["existing"]
    (dataset,) = answer("expand", "train.npz", "--out", "again", *EVERY, cwd=bolts)["datasets"]
    assert not dataset["existing"]
    assert dataset["content_hash"] == WITHOUT
    run("reproduce", "every-x2", cwd=bolts)


def test_what_the_model_made_is_made_again(bolts: Path) -> None:
    run("expand", "model", "--out", "again", "--factor", 3, *MIXED, cwd=bolts)
    before, after = (open_version(bolts / f"{name}-x3" / "v1") for name in ("hdf5", "again"))
    assert before.methods.tolist() == after.methods.tolist()
    rows = np.arange(len(before.source))
    assert np.array_equal(before.source.read_soft_labels(rows), after.source.read_soft_labels(rows))
    old, new = (version.source.read_images(rows).astype(int) for version in (before, after))
    # Another processor may round the last bit of a network's output, and a pixel with it.
    assert np.abs(old - new).max() <= 1
    pixels_of_images = np.isin(before.methods, ("original", "geometry"))
    assert np.array_equal(old[pixels_of_images], new[pixels_of_images])


def test_an_interrupted_version_goes_on(bolts: Path) -> None:
    (building,) = (bolts / "half-x3").glob(".building-*")
    (building / ".state" / "00001.json").unlink()
    kept = (building / "shards" / "00000.h5").read_bytes()
    line = ("expand", "model", "--factor", 3, "--mixup", 1, *PLAIN)
    told = run(*line, "--out", "half", cwd=bolts).stderr
    assert "54 of 72 rows" in told
    assert (bolts / "half-x3" / "v1" / "shards" / "00000.h5").read_bytes() == kept
    run("verify", "half-x3", cwd=bolts)


def test_an_evaluation_is_gone_on_with(bolts: Path) -> None:
    line = (*EVALUATE, "--precision", "float32", "--classifier", "vgg", "--out", "evaluation")
    _is_kept(bolts, bolts / "evaluation", "arms", line)


def test_a_study_is_gone_on_with(bolts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It was trained in bfloat16; where the processor has none, its cells would be others.
    monkeypatch.setattr(settings, "_has_bfloat16", lambda _: True)
    # Photographs of which nothing is said are mixed since; saying something leaves that out.
    study = bolts / "study.toml"
    study.write_text(study.read_text().replace("factor = 3\n", "factor = 3\ndistinct = false\n"))
    _is_kept(bolts, bolts / "study", "groups", ("study", "study.toml", "--out", "study"))


def _is_kept(bolts: Path, folder: Path, key: str, line: tuple[object, ...]) -> None:
    """Run the command: it trains only what it mixes online, as it does in another way since.

    Every other arm must come to the same figures, and nothing that was kept may change.
    """
    cells = {path.name: path.read_bytes() for path in (folder / "cells").iterdir()}
    before = json.loads((folder / "results.json").read_text())
    run(*line, "--workers", 1, cwd=bolts)
    after = json.loads((folder / "results.json").read_text())
    assert before.keys() <= after.keys()
    old, new = (_arms(found[key]) for found in (before, after))
    assert list(old) == list(new)
    mixed = [arm for arm in old if arm[1].endswith("+mixup")]
    assert len(mixed) == (key == "arms")
    for arm in old.keys() - set(mixed):
        new[arm]["curve"].pop("readings")  # counted since
        assert {name: new[arm][name] for name in FIGURES} == {
            name: old[arm][name] for name in FIGURES
        }
    found = {path.name: path.read_bytes() for path in (folder / "cells").iterdir()}
    assert {name: found[name] for name in cells} == cells
    trained = sum(len(new[arm]["accuracy"]["values"]) for arm in mixed)
    assert len(found) - len(cells) == trained


def _arms(found: list[dict[str, Any]]) -> dict[tuple[int, str], dict[str, Any]]:
    """Return the arms by number of originals, which an evaluation does not have, and name."""
    groups: list[dict[str, Any]] = [{"n_train": 0, "arms": found}]
    if "arms" in found[0]:
        groups = found
    arms: dict[tuple[int, str], dict[str, Any]] = {}
    for group in groups:
        arms |= {(group["n_train"], arm["name"]): arm for arm in group["arms"]}
    return arms
