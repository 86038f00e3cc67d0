"""What users read, whole: the answer of each daily command, and an error of each exit code.

After a change that is meant, ``pytest tests/cli/test_messages.py --snapshot-update`` writes what is
said now to ``__snapshots__/``; the difference then shows in the commit.
"""

import re
import shutil
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli import in_process
from tests.commands.tiny import stand_in_for
from tests.pictures import write_class_folders

# What differs from run to run, or from processor to processor.
VARYING = {
    r"\b[0-9a-f]{12,64}\b": "HASH",
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z| UTC)?": "TIME",
    r"\d[\d,.]*(?= (s|seconds|minutes|[KMGT]?i?B|bytes)\b)": "N",
    r"python -m [\w.]*augfactory": "augfactory",  # what click calls a program under pytest
}
FIGURES = {r"[-+]?\d[\d.,]*": "N", r" +": " "}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with training and test images, a version of them and another that is damaged."""
    folder = tmp_path_factory.mktemp("place")
    write_class_folders(folder / "parts" / "train", 8)
    write_class_folders(folder / "parts" / "test", 6, seed=1)
    made = ("expand", "parts", "--factor", 3, "--workers", 1)
    in_process.run(*made, "--mixup", 1, "--out", "leaves", cwd=folder)
    in_process.run(*made, "--mixup", 0, "--seed", 7, "--out", "leaves", cwd=folder)
    in_process.run(*made, "--mixup", 0, "--out", "broken", cwd=folder)
    shard = folder / "broken-x3" / "v1" / "shards" / "00000.h5"
    shard.chmod(0o644)
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    return folder


def said(*arguments: object, cwd: Path, code: int = 0, figures: bool = False) -> str:
    """Return the command, its exit code, and all that it prints, on either stream."""
    done = in_process.run(*arguments, cwd=cwd, code=code)
    text = f"{done.stdout}--- stderr\n{done.stderr}"
    for pattern, word in {**VARYING, **(FIGURES if figures else {})}.items():
        text = re.sub(pattern, word, text)
    command = " ".join(map(str, arguments))
    return f"$ augfactory {command}\n{text.replace(str(cwd), 'FOLDER')}--- exit {code}\n"


NEW = ("expand", "parts", "--factor", 2, "--mixup", 1, "--workers", 1, "--out")


def test_expand(place: Path, snapshot: SnapshotAssertion) -> None:
    assert said(*NEW, "fresh", "--dry-run", cwd=place) == snapshot(name="dry run")
    assert said(*NEW, "fresh", cwd=place) == snapshot(name="fresh")
    assert said(*NEW, "fresh", cwd=place) == snapshot(name="existing")
    shutil.rmtree(place / "fresh-x2")  # what others are told must not hang on who ran before


def test_evaluate(
    place: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for("quick", monkeypatch)
    monkeypatch.setattr("augfactory.commands.evaluate.report.write_report", lambda *_: [])
    request = ("--test", "parts:test", "--seeds", 2, "--steps", 4, "--workers", 1, "--out", "ev")
    assert said("evaluate", "leaves-x3@v1", *request, cwd=place, figures=True) == snapshot


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("info leaves-x3@v1", 0),
        ("info leaves-x3@v1 --row 30", 0),
        ("verify leaves-x3@v1", 0),
        ("verify broken-x3", 4),
        ("diff leaves-x3@v1 leaves-x3@v2", 0),
        ("log leaves-x3", 0),
        ("expand parts --factor 0 --out x", 2),
        ("expand parts --fator 3 --out x", 2),
        ("expand parts --factor 2 --out x --format pgn", 2),
        ("expand nowhere --factor 2 --out x", 3),
        ("evaluate leaves-x3 --test parts:train", 3),
        ("info leafs-x3", 3),
    ],
)
def test_answers(place: Path, snapshot: SnapshotAssertion, arguments: str, code: int) -> None:
    assert said(*arguments.split(), cwd=place, code=code) == snapshot


def test_no_room(place: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("augfactory.commands.expand.expand.expand", full)
    assert said(*NEW, "full", cwd=place, code=5) == snapshot
