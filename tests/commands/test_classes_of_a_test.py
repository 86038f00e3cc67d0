"""Test images whose classes are not those that were trained on, from tables of labels."""

import json
from pathlib import Path

import pytest

from tests.cli.in_process import answer, run
from tests.commands.tiny import stand_in_for
from tests.pictures import CLASSES, write_class_folders
from tests.report.undrawn import blank, draw_nothing


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tables of images, each of its own; the dataset d-x2 is made of the first."""
    stand_in_for("quick", monkeypatch)
    draw_nothing(monkeypatch, blank(40, 30))
    write_class_folders(tmp_path / "train", 6)
    write_class_folders(tmp_path / "test", 4, seed=1)
    write_table(tmp_path, "train", *CLASSES)
    run("expand", "train.csv", "--factor", 2, "--out", "d", "--preset", "texture", cwd=tmp_path)
    return tmp_path


def write_table(place: Path, name: str, *classes: str, called: str | None = None) -> None:
    """Write NAME.csv with the images of these classes, the last of them ``called`` so."""
    lines = ["file,label"]
    for kind in classes:
        label = called if called is not None and kind == classes[-1] else kind
        lines += [f"{name}/{kind}/{p.name},{label}" for p in (place / name / kind).iterdir()]
    (place / f"{name}.csv").write_text("\n".join(lines) + "\n")


EVALUATE = ("evaluate", "d-x2", "--test", "test.csv", "--seeds", 1, "--steps", 3, "--workers", 1)


def test_a_test_that_lacks_a_class_is_evaluated_with_a_warning(place: Path) -> None:
    write_table(place, "test", "bar", "frame")  # the one in the middle is lacking
    answer(*EVALUATE, "--seeds", 2, "--ensemble", 2, cwd=place)
    results = json.loads((place / "d-x2-evaluation/results.json").read_bytes())
    assert results["class_names"] == list(CLASSES)
    assert results["test"]["rows"] == 8
    assert "The test set has no image of: disc." in [each["text"] for each in results["alerts"]]
    for arm in results["arms"]:
        assert [sum(line) for line in arm["confusion"]] == [8, 0, 8]
        # Jensen: of the right classes' rows, or it would not hold.
        assert arm["ensemble"]["nll"]["mean"] <= arm["nll"]["mean"]
        assert arm["class_accuracy"][1] is None
    answer(*EVALUATE, "--dry-run", cwd=place)


def test_a_class_that_training_does_not_know_is_refused_by_name(place: Path) -> None:
    write_table(place, "test", *CLASSES, called="ring")
    told = run(*EVALUATE, cwd=place, code=3).stderr
    assert "it has classes that d-x2@v1 does not know: ring; it has no image of frame" in told
    assert "Leave the images of these classes out" in told
