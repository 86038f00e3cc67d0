"""A practitioner's first day: five sets as people have them are expanded, or answered."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.in_process import answer, run

QUICK = ("--factor", 3, "--preset", "photo", "--workers", 1, "--out", "made")


def draw(path: Path, seed: int, size: tuple[int, int] = (14, 11), grey: bool = False) -> None:
    """Write an image of (height, width) pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size if grey else (*size, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def rows_of(folder: Path, made: dict[str, Any]) -> dict[str, int]:
    """Return how many rows each class has."""
    counts: dict[str, int] = {}
    manifest = json.loads((folder / made["datasets"][0]["path"] / "manifest.json").read_text())
    for of_method in manifest["counts"].values():
        for name, number in of_method.items():
            counts[name] = counts.get(name, 0) + number
    return counts


def test_a_photographs_in_class_folders(tmp_path: Path) -> None:
    for number in range(12):
        draw(tmp_path / "photos" / ["cat", "dog", "frog"][number % 3] / f"{number}.jpg", number)
    made = answer("expand", "photos", *QUICK, cwd=tmp_path)
    assert rows_of(tmp_path, made) == {"cat": 12, "dog": 12, "frog": 12}


def test_b_uneven_grey_clothes(tmp_path: Path) -> None:
    for name, count in {"coat": 12, "shirt": 4, "bag": 2}.items():
        for number in range(count):
            draw(tmp_path / "clothes" / name / f"{number}.png", 50 * count + number, grey=True)
    made = answer("expand", "clothes", *QUICK, cwd=tmp_path)
    assert rows_of(tmp_path, made) == {"coat": 36, "shirt": 12, "bag": 6}
    told = run("inspect", "clothes", cwd=tmp_path).stdout
    assert "grey" in told


def test_c_mixed_sizes_a_broken_file_a_nested_folder_and_umlauts(tmp_path: Path) -> None:
    leaves = tmp_path / "Blätter"
    for number in range(8):
        size = (14 + number, 11 + number)
        draw(leaves / ["Ahorn", "Eiche"][number % 2] / f"Bild Ä {number}.png", number, size)
    draw(leaves / "Eiche" / "alt" / "9.png", 9, (20, 20))
    (leaves / "Eiche" / "kaputt.jpg").write_bytes(b"\xff\xd8\xff no more")
    (leaves / "Ahorn" / "notizen.txt").write_text("von gestern")
    told = run("expand", "Blätter", *QUICK, cwd=tmp_path, code=3).stderr
    for words in ("Eiche/kaputt.jpg", "--skip-broken", "--size", "--fit crop|squash|pad"):
        assert words in told
    assert "notizen.txt" in told
    done = ("--skip-broken", "--size", 16, "--fit", "pad")
    made = answer("expand", "Blätter", *QUICK, *done, cwd=tmp_path)
    assert rows_of(tmp_path, made) == {"Ahorn": 12, "Eiche": 15}


def test_d_a_flat_folder_beside_a_table(tmp_path: Path) -> None:
    for number in range(6):
        draw(tmp_path / "images" / f"{number}.png", number)
    with (tmp_path / "train.csv").open("w", newline="") as file:
        lines = [(f"{number}.png", "finch" if number % 2 else "wren") for number in range(6)]
        csv.writer(file).writerows([("image_id", "species"), *lines])
    told = run("expand", "images", *QUICK, cwd=tmp_path, code=3).stderr
    assert "--labels" in told
    made = answer("expand", "images", "--labels", "train.csv", *QUICK, cwd=tmp_path)
    assert rows_of(tmp_path, made) == {"finch": 9, "wren": 9}


def boxes(root: Path) -> None:
    draw(root / "images" / "1.png", 1)
    (root / "labels").mkdir()
    (root / "labels" / "1.txt").write_text("0 0.5 0.5 0.2 0.3\n")


def masks(root: Path) -> None:
    for number in range(3):
        draw(root / "images" / f"{number}.png", number)
        draw(root / "masks" / f"{number}.png", number, grey=True)


def heights(root: Path) -> None:
    for number in range(6):
        draw(root / f"{number}.png", number)
    lines = "".join(f"{number}.png,{1.37 * number + 0.21:.3f}\n" for number in range(6))
    (root / "t.csv").write_text("file,height\n" + lines)


@pytest.mark.parametrize(("other", "source"), [(boxes, "e"), (masks, "e"), (heights, "e/t.csv")])
def test_e_other_tasks_are_told_apart(other: Any, source: str, tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    other(tmp_path / "e")
    before = sorted(tmp_path.rglob("*"))
    told = run("expand", source, *QUICK, cwd=tmp_path, code=3).stderr
    assert "classification" in told
    assert not any(word in told.lower() for word in ("delete", "remove", "take out"))
    assert sorted(tmp_path.rglob("*")) == before
