"""One look before work: all that hinders at once, and what is skipped stays well defined."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augfactory
from tests.cli.in_process import answer, run
from tests.sources.written import image_of, noise, write_class_folders

CLASSES = ("ash", "birch", "cedar")
BROKEN = {"ash/0000.png", "birch/0004.png"}


def write_leaves(root: Path, seed: int = 0) -> None:
    """Write five images of 12x20 of each class; two are copies, of which one has another class."""
    images, labels = noise(15, 12, 20, 3, seed=seed), np.arange(15) % 3
    write_class_folders(root, images, labels)
    for label, name in enumerate(CLASSES):
        (root / str(label)).rename(root / name)
    shutil.copy(root / "ash" / "0003.png", root / "cedar" / "0002.png")
    shutil.copy(root / "birch" / "0007.png", root / "birch" / "0010.png")


def break_two(root: Path) -> None:
    (root / "ash" / "0000.png").write_bytes(b"no image at all")
    whole = (root / "birch" / "0004.png").read_bytes()
    (root / "birch" / "0004.png").write_bytes(whole[: len(whole) // 2])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_leaves(tmp_path / "leaves")
    return tmp_path


def manifest_of(version: Path) -> dict[str, Any]:
    read = json.loads((version / "manifest.json").read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


def test_a_sound_source_is_described_before_work(place: Path) -> None:
    arguments = ("expand", "leaves", "--factor", 2, "--out", "a", "--workers", 1)
    told = run(*arguments, "--dry-run", cwd=place).stderr
    assert "leaves: 15 images of 3 classes (ash 5, birch 5, cedar 5), 12x20 pixels" in told
    assert "in colour. 2 exact copies" in told
    assert "the same image in two classes: ash/0003.png = cedar/0002.png" in told
    done = run(*arguments, "--dry-run", "--json", cwd=place)
    assert "leaves: 15 images" in done.stderr
    json.loads(done.stdout)
    assert run(*arguments, "--dry-run", "--quiet", cwd=place).stderr == ""


def test_broken_files_are_named_together_and_skipped_on_demand(place: Path) -> None:
    break_two(place / "leaves")
    (place / "leaves" / "cedar" / "notes.txt").write_text("x")
    arguments = ("expand", "leaves", "--factor", 2, "--out", "a", "--workers", 1)
    told = run(*arguments, cwd=place, code=3).stderr
    assert "2 of 15 images cannot be read: ash/0000.png (" in told
    assert "; birch/0004.png (image file is truncated)" in told
    assert "--skip-broken" in told
    assert "Left out: cedar/notes.txt (no image, by its name)" in told

    told = run(*arguments, "--skip-broken", cwd=place).stderr
    assert "13 images of 3 classes (ash 4, birch 4, cedar 5)" in told
    assert "Skipped, cannot be read: ash/0000.png" in told
    source = manifest_of(place / "a-x2" / "v1")["source"]
    assert {each["name"] for each in source["skipped"]} == BROKEN
    assert all(each["reason"] and str(place) not in each["reason"] for each in source["skipped"])
    # Rows are numbered as in the whole source: 0 and 6 are the broken ones.
    assert source["rows"] == [row for row in range(15) if row not in (0, 6)]
    assert "identical" in run("reproduce", "a-x2", cwd=place).stdout
    run("verify", "a-x2", cwd=place)


def test_what_is_skipped_is_as_if_it_were_not_there(place: Path) -> None:
    break_two(place / "leaves")
    for out in ("with", "without"):
        run("expand", "leaves", "--factor", 3, "--out", out, "--skip-broken", "-q", cwd=place)
        for name in BROKEN:
            (place / "leaves" / name).unlink(missing_ok=True)
    skipped, plain = (manifest_of(place / f"{out}-x3" / "v1") for out in ("with", "without"))
    assert "skipped" not in plain["source"]
    for key in ("content_hash", "recipe_id", "counts"):
        assert skipped[key] == plain[key]
    assert skipped["source"]["fingerprint"] == plain["source"]["fingerprint"]


def test_a_subset_is_drawn_of_what_can_be_read(place: Path) -> None:
    break_two(place / "leaves")
    found = answer(
        *("expand", "leaves", "--factor", 1, "--n-train", 12, "--out", "a"),
        *("--skip-broken", "--workers", 1),
        cwd=place,
    )
    rows = manifest_of(place / found["datasets"][0]["path"])["source"]["rows"]
    assert len(rows) == 12
    assert not {0, 6} & set(rows)


def test_a_class_of_which_nothing_can_be_read_is_refused(place: Path) -> None:
    (place / "leaves" / "ash" / "0000.png").write_bytes(b"")
    for path in (place / "leaves" / "birch").iterdir():
        path.write_bytes(b"")
    told = run(
        *("expand", "leaves", "--factor", 2, "--out", "a", "--skip-broken"), cwd=place, code=3
    ).stderr
    assert "no image of class birch can be read: birch/" in told
    assert "ash/" not in told.partition("no image of class")[2]


def test_a_size_that_cuts_much_off_is_told(place: Path) -> None:
    """Images of 12x20 read as 20x12 lose all but 12 x 7.2 of their pixels."""
    told = run("inspect", "leaves", "--size", "20x12", cwd=place).stdout
    assert "read as 20x12, which cuts off 64 % (--fit pad or squash keeps all), in colour" in told
    assert "cuts off" not in run("inspect", "leaves", "--size", "15x20", cwd=place).stdout
    padded = ("--size", "20x12", "--fit", "pad", "--factor", 2, "--out", "a", "--dry-run")
    assert "cuts off" not in run("expand", "leaves", *padded, cwd=place).stderr


def test_sizes_are_told_with_the_median_and_all_ways_to_mend(place: Path) -> None:
    sides = [(40, 60), (12, 20), (12, 20), (30, 30), (30, 31)]
    for number, side in enumerate(sides):
        image_of(noise(*side, 3, seed=number)).save(place / "leaves" / "ash" / f"x{number}.png")
    (place / "leaves" / "cedar" / "0005.png").write_bytes(b"")
    told = run("expand", "leaves", "--factor", 2, "--out", "a", cwd=place, code=3).stderr
    assert "4 sizes (height x width): 12x20 (16), " in told
    assert "1 of 20 images cannot be read: cedar/0005.png" in told  # both in one run
    # 16 of 12x20, 40x60, 30x30, 30x31: the 19th and 20th of 38 sides are 20.
    assert "--size 20, which is the median side" in told
    assert "--fit crop|squash|pad" in told
    assert "--skip-broken" in told


@pytest.mark.parametrize(
    "command",
    [
        "vae-train leaves --size 16x20 --out m --steps 2 --n-train 9",
        "tune leaves --out r.toml",
        "study study.toml --out s --dry-run",
        "evaluate parts-x2 --test leaves --dry-run",
    ],
)
def test_every_command_looks_first(place: Path, command: str) -> None:
    break_two(place / "leaves")
    if command.startswith("evaluate"):
        write_leaves(place / "parts", seed=1)
        (place / "parts" / "cedar" / "0002.png").unlink()
        run("expand", "parts", "--factor", 2, "--out", "parts", "-q", cwd=place)
    (place / "study.toml").write_text(
        'title = "of nothing"\nsource = "leaves"\ntest = "leaves"\nn_train = [9]\n'
        '[[arms]]\nname = "originals"\n'
    )
    told = run(*command.split(), cwd=place, code=3).stderr
    assert "leaves: 13 images of 3 classes" in told
    assert "2 of 15 images cannot be read: ash/0000.png" in told


def test_the_model_and_its_datasets_record_what_was_skipped(place: Path) -> None:
    break_two(place / "leaves")
    arguments = ("vae-train", "leaves", "--size", 20, "--out", "m", "--steps", 2, "--no-verdict")
    run(*arguments, "--skip-broken", cwd=place)
    config = json.loads((place / "m" / "config.json").read_text(encoding="utf-8"))
    assert {each["name"] for each in config["source"]["skipped"]} == BROKEN
    run("expand", "m", "--factor", 2, "--out", "a", "--no-filter", "--workers", 1, cwd=place)
    source = manifest_of(place / "a-x2" / "v1")["source"]
    assert {each["name"] for each in source["skipped"]} == BROKEN
    assert 0 not in source["rows"]


def test_an_evaluation_records_which_test_images_it_skipped(place: Path) -> None:
    write_leaves(place / "test", seed=7)
    break_two(place / "test")
    (place / "leaves" / "ash" / "cut.png").write_bytes(b"")
    read = {"skip_broken": True}
    made = augfactory.expand(place / "leaves", place / "a", factor=2, workers=1, read=read)
    done = augfactory.evaluate(
        [made.path],
        place / "test",
        read=read,
        seeds=1,
        steps=2,
        workers=1,
    )
    assert done.test.rows == 13
    assert {each.name for each in done.test.skipped or ()} == BROKEN
    written = json.loads((done.out / "results.json").read_text(encoding="utf-8"))
    assert {each["name"] for each in written["test"]["skipped"]} == BROKEN
    assert [each["name"] for each in written["datasets"][0]["skipped"]] == ["ash/cut.png"]
    page = (done.out / "report.html").read_text(encoding="utf-8")
    shown = page[: page.index('type="application/json"')]
    assert "2 images: ash/0000.png (" in shown
    assert "1 image: ash/cut.png (" in shown


def test_unlabelled_images_are_looked_at_too(place: Path) -> None:
    (place / "more").mkdir()
    for number in range(4):
        image_of(noise(12, 20, 3, seed=20 + number)).save(place / "more" / f"{number}.png")
    (place / "more" / "2.png").write_bytes(b"")
    arguments = (
        *("vae-train", "leaves", "--size", "20", "--unlabelled", "more"),
        *("--out", "m", "--steps", "2"),
    )
    told = run(*arguments, cwd=place, code=3).stderr
    assert "2.png: cannot be read as an image" in told
    run(*arguments, "--no-verdict", "--skip-broken", cwd=place)
    config = json.loads((place / "m" / "config.json").read_text(encoding="utf-8"))
    assert config["unlabelled"]["rows"] == [0, 1, 3]
    assert [each["name"] for each in config["unlabelled"]["skipped"]] == ["2.png"]


def test_inspect_tells_all_and_draws_it(place: Path) -> None:
    leaves = place / "leaves"
    break_two(leaves)
    (leaves / "list.csv").write_text("x")
    image_of(noise(30, 16, 1)).save(leaves / "ash" / "grey.png")
    found = answer("inspect", "leaves", "--out", "figures", cwd=place)
    assert found["images"] == 14
    assert found["classes"] == {"ash": 5, "birch": 4, "cedar": 5}
    assert found["sizes"] == [
        {"height": 12, "width": 20, "images": 13},
        {"height": 30, "width": 16, "images": 1},
    ]
    assert found["median_side"] == 18  # of 28 sides, the 14th is 16 and the 15th 20
    assert found["colours"] == {"grey": 1, "rgb": 13}
    assert {each["name"] for each in found["broken"]} == BROKEN
    assert found["left_out"] == [{"name": "list.csv", "reason": "no image, by its name"}]
    assert found["copies"] == [
        ["ash/0003.png", "cedar/0002.png"],
        ["birch/0007.png", "birch/0010.png"],
    ]
    assert found["across_classes"] == [["ash/0003.png", "cedar/0002.png"]]
    for name in found["files"]:
        with Image.open(place / name) as figure:
            assert min(figure.size) > 100
            assert len(np.unique(np.asarray(figure.convert("L")))) > 20
    # Of images of several sizes, of which some are broken, those that can be read tell it.
    assert found["preset"] == "photo"
    assert found["why"].startswith("they are in colour, and ")
    assert found["next"] == (
        "augfactory expand leaves --size 18 --skip-broken --factor 250 --out NAME"
    )
    text = run("inspect", "leaves", cwd=place).stdout
    assert "expand would vary them as photo: they are in colour, and " in text
    for words in (*BROKEN, "list.csv", "birch/0007.png = birch/0010.png", "cedar       5"):
        assert words in text
    assert "augfactory expand leaves --size 18 --skip-broken --factor 250 --out NAME" in text


def test_inspect_takes_any_kind_of_source(place: Path) -> None:
    found = answer("inspect", "sample:test", cwd=place)
    assert (found["split"], found["images"], found["broken"]) == ("test", 5000, [])
    told = run("inspect", "sample:test", cwd=place).stdout
    assert "Next: augfactory evaluate NAME --test sample:test" in told  # expand would refuse it
    assert found["preset"] is None
    assert "would vary" not in told
    digits = run("inspect", "sample:train", cwd=place).stdout
    assert "expand would vary them as digits: they are drawings in one ink, and a simple" in digits
    assert found["read_as"] == {"height": 28, "width": 28, "channels": 1}
    made = augfactory.expand(place / "leaves", place / "a", factor=2, workers=1)
    assert answer("inspect", str(made.path), cwd=place)["images"] == made.rows


def test_the_next_command_opens_a_table_as_it_was_inspected(place: Path) -> None:
    names = sorted(path.relative_to(place / "leaves") for path in place.glob("leaves/*/*.png"))
    lines = "".join(f"{path.as_posix()},{path.parent}\n" for path in names)
    (place / "t.csv").write_text("what,which\n" + lines)
    columns = ("--file-column", "what", "--label-column", "which")
    told = run("inspect", "t.csv", "--root", "leaves", *columns, cwd=place).stdout
    following = told.rpartition("Next: ")[2].split()
    assert following[:2] == ["augfactory", "expand"]
    made = [*following[1:-1], "made", "--preset", "photo", "--workers", 1]
    assert "rows" in run(*made, cwd=place).stdout
