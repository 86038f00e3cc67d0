"""Few images of a class and made ones as originals are told before anything is made of them."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands.opening.notes import few_images
from augfactory.records import Source
from augfactory.sources.choosing.subset import stratified_rows
from augfactory.store.reader import open_version
from tests.evaluation.memory import memory_source
from tests.pictures import write_class_folders


def source_with(*counts: int) -> Source:
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), 4, 6, 3), np.uint8)
    return memory_source(images, labels, class_names=tuple("abcdefghijklmnop"[: len(counts)]))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((5, 9), None),
        ((5, 4), "fewer than 5 images of b (4); all that is made for b derives from 4 images"),
        ((1, 8, 3), "of a (1), c (3); all that is made for a derives from 1 image"),
        ((0, 8, 2), "of a (0), c (2); all that is made for c derives from 2 images"),
        ((0, 8), "of a (0)"),
        ((2,) * 12, "j (2) and 2 more classes; all that is made for a derives from 2 images"),
    ],
)
def test_classes_with_few_images_are_named(counts: tuple[int, ...], words: str | None) -> None:
    told = few_images(source_with(*counts))
    assert told is None if words is None else (told or "").endswith(words)


@pytest.mark.parametrize(
    "command",
    [("expand", "--factor", "2"), ("vae-train", "--steps", "2", "--device", "cpu", "--no-verdict")],
)
def test_commands_tell_it_of_the_rows_used_unless_quiet(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_class_folders(tmp_path / "parts", 5)
    name, *options = command

    def stderr(*more: str) -> str:
        done = CliRunner().invoke(app, [name, "parts", *options, *more])
        assert done.exit_code == 0, done.stderr
        assert "fewer than" not in done.stdout
        return done.stderr

    assert "fewer than" not in stderr("--out", "all")
    few = stderr("--out", "few", "--n-train", "3")
    line = [text for text in few.splitlines() if "fewer than" in text]
    assert len(line) == 1
    assert "bar (1), disc (1), frame (1); all that is made for bar derives from 1 image" in line[0]
    assert stderr("--out", "quiet", "--n-train", "3", "--quiet") == ""


def test_rows_that_were_made_are_told_where_they_count_as_originals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_class_folders(tmp_path / "parts", 5)

    def notes(source: str, factor: int, out: str, *more: str) -> list[str]:
        command = ["expand", source, "--factor", str(factor), "--out", out, *more]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.stderr
        return [line for line in done.stderr.splitlines() if "count as originals" in line]

    assert notes("parts", 3, "first") == []
    told = "note: first-x3@v1 is a dataset version: its 45 rows, 30 made ones among them, count as"
    assert notes("first-x3", 1, "second") == [f"{told} originals here"]
    assert notes("first-x3@v1:train", 1, "third") == [f"{told} originals here"]
    assert notes("first-x3", 1, "second", "--quiet") == []
    assert notes("parts", 1, "plain") == []
    assert notes("plain-x1", 2, "fourth") == []
    found = open_version(tmp_path / "first-x3/v1")
    chosen = stratified_rows(found.source.labels, 15, 0)
    made = (found.methods[chosen] != "original").sum()
    assert 0 < made < 15
    words = f"its 15 rows, {made} made ones among them"
    assert words in notes("first-x3", 1, "fifth", "--n-train", "15")[0]
