"""Uneven classes made even: 60, 20 and 6 images, exact in the plan, the manifest, card and info."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augfactory
from augfactory.commands.expand.classes import ALIKE, read_rule
from augfactory.errors import RecipeError
from augfactory.loading.epochs import EpochBatches
from augfactory.pipeline.recipes.recipe_file import read_recipe
from augfactory.report.recipe_toml import recipe_toml
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import open_version
from tests.cli.in_process import answer, run

SIZES = {"ok": 60, "rare": 6, "scratch": 20}
PLAIN = ("--workers", 1, "--preset", "texture")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``parts``, class folders of 6 x 9 colour images."""
    folder = tmp_path_factory.mktemp("uneven")
    random = np.random.default_rng(0)
    for name, count in SIZES.items():
        (folder / "parts" / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (6, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "parts" / name / f"{number:02d}.png")
    return folder


def expanded(place: Path, *options: object, source: str = "parts") -> Path:
    """Expand; hold the plan, the manifest, card and info to each other; return the version."""
    line = ("expand", source, *PLAIN, *options)
    (planned,) = answer(*line, "--dry-run", cwd=place)["datasets"]
    (made,) = answer(*line, cwd=place)["datasets"]
    folder = place / str(made["path"])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert planned["rows"] == made["rows"] == manifest["rows"]
    assert planned["class_rows"] == manifest["class_rows"]
    by_method = {name: sum(classes.values()) for name, classes in manifest["counts"].items()}
    assert planned["counts"] == by_method
    found = answer("info", str(folder), cwd=place)
    assert (found["class_rows"], found["counts"]) == (manifest["class_rows"], manifest["counts"])
    run("verify", str(folder), cwd=place)
    return folder


def label_mass(folder: Path) -> list[float]:
    """Return the sum of the label shares of each class."""
    source = open_version(folder).source
    shares = source.read_soft_labels(np.arange(len(source)))
    mass: list[float] = shares.astype(np.float64).sum(axis=0).tolist()
    return mass


def counts_of(folder: Path) -> dict[str, int]:
    """Return the rows of each class by their hard label."""
    total = dict.fromkeys(SIZES, 0)
    for classes in read_manifest(folder).counts.values():
        for name, count in classes.items():
            total[name] += count
    return total


def words(folder: Path) -> str:
    return " ".join((folder / "README.md").read_text().split())


def test_exactly_200_rows_of_each_class(place: Path) -> None:
    folder = expanded(place, "--per-class", 200, "--out", "d")
    assert folder.parent.name == "d-200-per-class"
    assert counts_of(folder) == dict.fromkeys(SIZES, 200)
    manifest = read_manifest(folder)
    assert manifest.class_rows == dict.fromkeys(SIZES, 200)
    assert manifest.counts["original"] == SIZES
    assert label_mass(folder) == [200, 200, 200]
    assert "Rows of each class: 200." in words(folder)
    assert "per class 200" in run("info", str(folder), cwd=place).stdout
    rule = ("expand", "parts", "--per-class", 200, "--out", "d", *PLAIN)
    assert "rows of each class: 200" in run(*rule, "--dry-run", cwd=place).stdout
    assert answer(*rule, cwd=place)["datasets"][0]["existing"]
    led = np.bincount(open_version(folder).source_index[:, 0], minlength=86)
    assert sorted({*led[:60].tolist()}) == [3, 4]
    assert sorted({*led[60:66].tolist()}) == [33, 34]


def test_mixtures_among_them_weigh_200_a_class(place: Path) -> None:
    recipe = place / "half.toml"
    recipe.write_text(
        'per_class = 200\n[[mix]]\nmethod = "mixup"\nshare = 0.5\nalpha = 1.0\n'
        '[[mix]]\nmethod = "ricap"\nshare = 0.25\n[[mix]]\nmethod = "cutmix"\ncopies = 1\n'
    )
    folder = expanded(place, "--recipe", recipe, "--out", "half")
    assert read_manifest(folder).rows == 600
    assert np.abs(np.array(label_mass(folder)) - 200).max() < 1e-4
    mixup = read_manifest(folder).counts["mixup"]
    assert mixup == dict.fromkeys(SIZES, 40)  # half of 200 - 60 mixtures by cutmix - 60 originals
    assert "The label shares of each class add up to its rows." in words(folder)
    mixture = int(np.flatnonzero(open_version(folder).methods == "mixup")[0])
    (place / "rejected.txt").write_text(f"{mixture}\n")
    run("expand", "--reject", "rejected.txt", str(folder), "--workers", 1, cwd=place)
    anew = folder.with_name("v2")
    assert "class of its first parent" in words(anew)
    assert "label shares of each class" not in words(anew)


def test_as_many_rows_of_each_class_as_of_the_largest(place: Path) -> None:
    folder = expanded(place, "--balance", "--factor", 2, "--mixup", 1, "--out", "d")
    assert folder.parent.name == "d-x2-balanced"
    assert counts_of(folder) == read_manifest(folder).class_rows == dict.fromkeys(SIZES, 180)
    assert np.abs(np.array(label_mass(folder)) - 180).max() < 1e-4
    alone = expanded(place, "--balance", "--out", "d")
    assert counts_of(alone) == dict.fromkeys(SIZES, 60)
    assert read_manifest(alone).counts["geometry"] == {"rare": 54, "scratch": 40}


def test_factors_of_single_classes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "factors.toml").write_text("factor = 2\n[class_factors]\nrare = 20\nscratch = 5\n")
    folder = expanded(place, "--recipe", "factors.toml", "--out", "f")
    assert folder.parent.name == "f-x2"
    assert counts_of(folder) == {"ok": 120, "rare": 120, "scratch": 100}
    assert "Rows of each class: ok 120, rare 120, scratch 100." in words(folder)
    monkeypatch.chdir(place)
    factors = {"rare": 20, "scratch": 5}
    again = augfactory.expand(
        "parts", "f", factor=2, class_factors=factors, preset="texture", workers=1
    )
    assert again.existing
    expanded(place, "--per-class", 200, "--out", "own")
    assert augfactory.expand("parts", "own", per_class=200, preset="texture", workers=1).existing
    made = augfactory.expand("parts", "p", recipe={"balance": True}, preset="texture", workers=1)
    assert made.name == "p-x1-balanced"
    with pytest.raises(RecipeError, match="scratch"):
        augfactory.expand("parts", "f", factor=2, class_factors={"scrach": 5}, workers=1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--per-class", 59), "class ok has 60 images"),
        (("--per-class", 119, "--mixup", 1), "Ask for 120 or more"),
        (("--per-class", 0), "Give 1 or more"),
        (("--per-class", 200, "--factor", 3), "--per-class and --factor"),
        (("--per-class", 200, "--balance"), "--per-class and --balance"),
        (("--recipe", "both.toml"), "factor and class_factors of both.toml"),
        (("--recipe", "far.toml"), "per_class and factor of far.toml"),
        (("--per-class", 90, "--no-geometry"), "--per-class 90 --no-geometry"),
        (("--balance", "--unlabelled", "parts", "--pseudo-label"), "makes classes even"),
        ((), "Add --factor 50"),
    ],
)
def test_what_contradicts_itself_is_told(place: Path, options: Sequence[object], told: str) -> None:
    (place / "both.toml").write_text("factor = 2\nbalance = true\nclass_factors = { ok = 2 }\n")
    (place / "far.toml").write_text("factor = 2\nper_class = 100\n")
    if "both.toml" in options:
        told = "balance and class_factors of both.toml"
    found = run("expand", "parts", "--out", "e", *options, cwd=place, code=2).stderr
    assert told in " ".join(found.split())


def test_an_option_overrides_the_rule_of_a_recipe(place: Path) -> None:
    (place / "own.toml").write_text("per_class = 100\n")
    line = ("expand", "parts", "--recipe", "own.toml", "--dry-run", "--out", "o", *PLAIN)
    rows = [
        answer(*line, *more, cwd=place)["datasets"][0]["rows"]
        for more in ((), ("--per-class", 70), ("--factor", 2), ("--balance", "--factor", 1))
    ]
    assert rows == [300, 210, 172, 180]


def test_validation_images_are_not_counted(place: Path) -> None:
    options = ("--per-class", 100, "--folds", 2, "--mixup", 1, "--out", "v")
    made = answer("expand", "parts", *PLAIN, *options, cwd=place)["datasets"]
    assert [each["name"] for each in made] == [f"v-100-per-class-fold{n}" for n in (0, 1)]
    for each in made:
        folder = place / each["path"]
        manifest = read_manifest(folder)
        assert manifest.validation is not None
        assert sum(manifest.validation.counts.values()) == 43
        assert manifest.rows == 300
        assert np.abs(np.array(label_mass(folder)) - 100).max() < 1e-4
        run("verify", str(folder), cwd=place)


def test_another_format_and_more_workers_hold_the_same(place: Path) -> None:
    common = ("--factor", 2, "--balance", "--mixup", 1, "--ricap", 1)
    plain = expanded(place, *common, "--out", "hdf5")
    other = expanded(place, *common, "--out", "png", "--format", "png", "--workers", 2)
    assert read_manifest(other).content_hash == read_manifest(plain).content_hash
    assert read_manifest(other).class_rows == dict.fromkeys(SIZES, 240)


def test_it_is_reproduced_exported_and_compared(place: Path) -> None:
    folder = expanded(place, "--per-class", 150, "--mixup", 1, "--out", "r")
    assert "identical" in run("reproduce", str(folder), cwd=place).stdout
    run("export", str(folder), "--to", "png", "--out", "r-png", cwd=place)
    run("verify", "r-png", cwd=place)
    exported = read_manifest(place / "r-png" / "v1")
    assert exported.class_rows == dict.fromkeys(SIZES, 150)
    expanded(place, "--per-class", 150, "--mixup", 1, "--out", "r", "--seed", 3)
    assert "150 per class" in run("log", "r-150-per-class", cwd=place).stdout
    run("diff", "r-150-per-class@v1", "r-150-per-class@v2", cwd=place)
    asked = read_recipe(recipe_toml(read_manifest(folder).recipe), "here")
    rule, factors = read_rule(ALIKE, (), asked, "here")
    assert (rule.per_class, factors) == (150, ())


def test_it_goes_on_where_it_stopped(place: Path) -> None:
    folder = expanded(place, "--per-class", 250, "--mixup", 1, "--out", "whole")
    whole = read_manifest(folder)
    line = ("expand", "parts", *PLAIN, "--per-class", 250, "--mixup", 1, "--out", "stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("augfactory.commands.expand.build.publish", _stop)
        run(*line, cwd=place, code=130)
    (building,) = (place / "stopped-250-per-class").glob(".building-*")
    (building / ".state" / "00001.json").unlink()
    assert "570 of 750 rows" in run(*line, cwd=place).stderr
    found = read_manifest(place / "stopped-250-per-class" / "v1")
    assert found.content_hash == whole.content_hash


def _stop(*_: Any) -> Any:
    raise KeyboardInterrupt


def test_a_manifest_whose_rows_of_classes_were_edited_is_found(place: Path) -> None:
    folder = expanded(place, "--per-class", 61, "--out", "edited")
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["class_rows"]["ok"] += 1
    path.write_text(json.dumps(manifest))
    assert "class_rows" in run("verify", str(folder), cwd=place, code=4).stderr
    assert "class_rows" in run("reproduce", str(folder), cwd=place, code=4).stderr
    manifest["recipe"]["class_images"]["ok"] += 1
    path.write_text(json.dumps(manifest))
    assert "class_images" in run("verify", str(folder), cwd=place, code=4).stderr


def test_uneven_classes_are_told_what_helps(place: Path) -> None:
    told = "classes are uneven: ok has 60 images, rare 6. `expand --balance`"
    assert told in run("inspect", "parts", cwd=place).stdout
    line = ("expand", "parts", "--dry-run", "--out", "n", *PLAIN)
    assert told in run(*line, "--factor", 2, cwd=place).stderr
    assert told not in run(*line, "--balance", cwd=place).stderr


def test_a_loader_shows_classes_equally_often_by_any_number_of_workers(place: Path) -> None:
    run("expand", "parts", *PLAIN, "--factor", 2, "--mixup", 2, "--out", "l", cwd=place)
    served = []
    for workers in (0, 2):
        loader = augfactory.loader(str(place / "l-x2"), 20, balanced=True, workers=workers, seed=5)
        assert isinstance(loader.batch_sampler, EpochBatches)
        loader.batch_sampler.set_epoch(3)
        batches = [(images.numpy(), labels.numpy()) for images, labels in loader]
        served.append([np.concatenate(own) for own in zip(*batches, strict=True)])
    (images, labels), again = served
    assert np.array_equal(images, again[0])
    assert np.array_equal(labels, again[1])
    assert np.ptp(np.bincount(labels.argmax(axis=1))) <= 1


def test_few_mixed_photographs_are_counted_as_they_are_made(place: Path) -> None:
    line = ("expand", "parts", "--preset", "photo", "--out", "f", "--dry-run")
    (made,) = answer(*line, "--factor", 4, "--balance", cwd=place)["datasets"]
    told = run(*line, "--factor", 4, "--balance", cwd=place).stderr
    assert f"note: {made['rows']:,} rows are few for photographs" in told
    assert "Here take --factor 250, or vary them while you train" in told
    assert "are few" not in run(*line, "--factor", 250, cwd=place).stderr
    assert "are few" not in run(*line, "--factor", 4, "--mixup", 0, cwd=place).stderr
