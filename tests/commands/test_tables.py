"""A table of files through every command: opened again by what was recorded, and refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augfactory.commands.opening.unlabelled import gather_unlabelled
from augfactory.commands.progress import Progress
from augfactory.records import SourceOptions, SourceSpec
from augfactory.source_rows import PLAIN
from augfactory.sources.opening import open_source
from tests.cli.in_process import answer, run
from tests.sources.written import image_of, noise

IMAGES = noise(24, 18, 26, 3)
FAST = ("--workers", 1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flat images, tables of them in another folder, and a validation split in class folders."""
    root = tmp_path_factory.mktemp("tables")
    for folder in ("flat", "lists", "split/train/a", "split/train/b", "split/valid/a",
                   "split/valid/b"):  # fmt: skip
        (root / folder).mkdir(parents=True)
    for number, pixels in enumerate(IMAGES):
        image_of(pixels).save(root / "flat" / f"{number}.png")
        image_of(pixels ^ 255).save(root / "split" / "train" / "ab"[number % 2] / f"{number}.png")
        image_of(pixels ^ 7).save(root / "split" / "valid" / "ab"[number % 2] / f"{number}.png")
    for name, numbers in (("train", range(16)), ("test", range(16, 24))):
        lines = [f"{n},{n % 3},{'ab'[n % 2]}" for n in numbers]
        text = "\n".join(["id,patient,kind of thing", *lines])
        (root / "lists" / f"{name}.csv").write_text(text, "utf-8")
    return root


def manifest(place: Path, name: str) -> dict[str, object]:
    values = json.loads((place / f"{name}/v1/manifest.json").read_text("utf-8"))
    assert isinstance(values, dict)
    return values


def test_a_table_is_expanded_evaluated_and_made_again(place: Path) -> None:
    table = ("flat/", "--labels", "lists/train.csv", "--label-column", "kind of thing")
    sized = ("--size", "16x20", "--fit", "squash")
    done = run("expand", *table, *sized, "--out", "set", "--factor", 2, *FAST, cwd=place)
    assert "files from column 'id', classes from column 'kind of thing'" in done.stderr
    source = manifest(place, "set-x2")["source"]
    assert isinstance(source, dict)
    assert source["text"] == "lists/train.csv"
    assert source["options"] == {
        "fit": "squash", "root": "../flat", "file_column": "id", "label_column": "kind of thing",
    }  # fmt: skip
    assert str(place) not in json.dumps(source)
    other = ("lists/train.csv", "--root", "flat", "--label-column", "kind of thing")
    (same,) = answer("expand", *other, *sized, "--out", "set", "--factor", 2, cwd=place)["datasets"]
    assert same["existing"]
    (place / "elsewhere").mkdir()
    run("reproduce", "../set-x2/v1", *FAST, cwd=place / "elsewhere")
    tested = ("--test", "flat", "--labels", "lists/test.csv", "--label-column", "kind of thing")
    line = ("evaluate", "set-x2", *tested, "--seeds", 1, "--steps", 2, "--device", "cpu", *FAST)
    run(*line, cwd=place)
    against = ("--against", "lists/train.csv", "--root", "flat", "--label-column", "kind of thing")
    assert "0.png" in run("verify", "set-x2", *against, cwd=place, code=4).stderr


def test_a_model_keeps_how_its_table_is_read(place: Path) -> None:
    table = ("lists/train.csv", "--root", "flat", "--label-column", "kind of thing")
    trained = ("--out", "model", "--steps", 2, "--device", "cpu", "--no-verdict")
    run("vae-train", *table, "--size", 16, "--fit", "pad", *trained, cwd=place)
    done = run("expand", "model", "--out", "made", "--factor", 2, *FAST, cwd=place)
    assert "classes from column" not in done.stderr
    source = manifest(place, "made-x2")["source"]
    assert isinstance(source, dict)
    assert source["options"]["fit"] == "pad"
    for option in (("--fit", "pad"), ("--follow-links",), ("--label-column", "x")):
        size = ("--size", 16) if option[0] == "--fit" else ()
        told = run(
            "expand", "model", "--out", "m", "--factor", 2, *option, *size, cwd=place, code=2
        ).stderr
        assert "is a model, which has its own source rows" in told


def test_a_validation_split_is_no_training_source(place: Path) -> None:
    for text in ("split:val", "split/valid", "split:validation"):
        told = run("expand", text, "--factor", 2, "--out", "no", cwd=place, code=3).stderr
        assert "this is a validation split" in told
    assert not list(place.glob("no-*"))
    run("expand", "split", "--out", "split-set", "--factor", 2, *FAST, cwd=place)
    line = ("evaluate", "split-set-x2", "--test", "split:val", "--seeds", 1, "--steps", 2)
    run(*line, "--device", "cpu", *FAST, cwd=place)


def test_options_that_contradict_each_other(place: Path) -> None:
    table = ("expand", "lists/train.csv", "--factor", 2, "--out", "no")
    both = ("--labels", "lists/test.csv", "--root", "flat")
    assert "--labels --root" in run(*table, *both, cwd=place, code=2).stderr
    assert "Give --size too" in run(*table, "--fit", "pad", cwd=place, code=2).stderr
    told = run(*table, "--size", 16, "--fit", "squish", cwd=place, code=2).stderr
    assert "Did you mean 'squash'?" in told


def test_unlabelled_images_are_fitted_as_the_labelled_ones(place: Path) -> None:
    options = SourceOptions(fit="pad")
    labelled = open_source(SourceSpec(str(place / "split"), (16, 20), options=options))
    spec = SourceSpec(str(place / "split" / "valid" / "a"))
    recorded, images = gather_unlabelled(spec, labelled, Progress())
    assert recorded.options == replace(PLAIN, fit="pad")
    pixels = images.read_images(np.array([0]))[0]
    assert not pixels[0].any()  # 26 to 20 wide leaves 14 of 16 lines
    assert pixels[8].any()


def test_files_that_are_not_there_are_skipped_on_demand(tmp_path: Path) -> None:
    for number, pixels in enumerate(IMAGES[:12]):
        image_of(pixels).save(tmp_path / f"{number}.png")
    (tmp_path / "4.png").unlink()
    (tmp_path / "7.png").write_bytes(b"no image")
    lines = [f"{n}.png,{'ab'[n % 2]}" for n in range(12)]
    (tmp_path / "t.csv").write_text("\n".join(["file,label", *lines]), "utf-8")
    line = ("expand", "t.csv", "--factor", 2, "--preset", "photo", "--out", "d", *FAST)
    told = run(*line, cwd=tmp_path, code=3).stderr
    assert "1 of 12 files are not in" in told
    assert "--skip-broken" in told
    done = run(*line, "--skip-broken", cwd=tmp_path).stderr
    assert "Skipped, cannot be read: 4.png (" in done
    source = manifest(tmp_path, "d-x2")["source"]
    assert isinstance(source, dict)
    assert [each["name"] for each in source["skipped"]] == ["4.png", "7.png"]
    assert source["rows"] == [row for row in range(12) if row not in (4, 7)]
    run("reproduce", "d-x2", *FAST, cwd=tmp_path)
    for number in range(12):
        (tmp_path / f"{number}.png").unlink(missing_ok=True)
    told = run(*line, "--skip-broken", cwd=tmp_path, code=3).stderr
    assert "12 of 12 files are not in" in told
