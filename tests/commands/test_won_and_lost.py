"""The test images that a dataset wins and loses: the right ones, in words and in pictures."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augfactory.commands.evaluate.arms import ArmsRequest
from augfactory.commands.evaluate.inputs import Inputs, gather
from augfactory.commands.evaluate.won_and_lost import won_and_lost
from augfactory.commands.progress import Progress
from tests.commands.versions import write_source, write_version
from tests.evaluation.memory import CLASSES, patterns

TEST_ROWS = 30


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inputs:
    monkeypatch.chdir(tmp_path)
    train = write_source(tmp_path / "train.h5", *patterns("train", 60))
    test = write_source(tmp_path / "test.h5", *patterns("test", TEST_ROWS))
    write_version(tmp_path / "made-x2/v1", train, list(range(40)), 2)
    return gather(("made-x2",), test, None, ArmsRequest(), Progress())


def results(labels: np.ndarray, wrong: dict[str, list[list[int]]]) -> Any:
    """Return results of an arm and a seed for each list of rows that were taken for the next."""
    found = []
    for name, seeds in wrong.items():
        for seed, rows in enumerate(seeds):
            predicted = labels.copy()
            predicted[rows] = (predicted[rows] + 1) % CLASSES
            cell = SimpleNamespace(arm=SimpleNamespace(name=name), subset=0, seed=seed)
            own = SimpleNamespace(predicted=predicted.tolist(), labels=labels.tolist())
            found.append((cell, own))
    return found


def test_what_was_won_and_lost_is_counted_and_named(inputs: Inputs) -> None:
    labels = inputs.test.labels
    found = results(labels, {"originals": [[3, 7], [7]], "made-x2": [[11], []]})
    won, lost = won_and_lost(inputs, found, "made-x2", "originals")
    assert won.title == "What made-x2 gets right and originals gets wrong"
    assert won.caption.startswith("2 of 30 test images")
    # Row 7 was won in both trainings, row 3 in one.
    assert "class 7 for class 8, class 3 for class 4" in won.caption
    assert lost.caption.startswith("1 of 30 test images")
    assert "made-x2 takes" in lost.caption
    assert "class 1 for class 2" in lost.caption
    size = Image.open(io.BytesIO(won.png)).size
    assert size[0] > Image.open(io.BytesIO(lost.png)).size[0] - 1
    pixels = np.asarray(Image.open(io.BytesIO(won.png)).convert("RGB"))
    shown = inputs.test.read_images(np.array([7]))[0]
    scale = next(s for s in range(1, 40) if contains(pixels, shown.repeat(s, 0).repeat(s, 1)))
    other = inputs.test.read_images(np.array([11]))[0]
    assert not contains(pixels, other.repeat(scale, 0).repeat(scale, 1))


def test_without_a_difference_nothing_is_shown(inputs: Inputs) -> None:
    labels = inputs.test.labels
    same = results(labels, {"originals": [[3]], "made-x2": [[3]]})
    assert won_and_lost(inputs, same, "made-x2", "originals") == []
    assert won_and_lost(inputs, same, "originals", "originals") == []
    assert won_and_lost(inputs, same, "absent", "originals") == []


def contains(page: np.ndarray, tile: np.ndarray) -> bool:
    """Tell whether ``tile`` stands somewhere in ``page``, pixel for pixel."""
    height, width = tile.shape[:2]
    if height > page.shape[0] or width > page.shape[1]:
        return False
    corner = (page[: -height + 1 or None, : -width + 1 or None] == tile[0, 0]).all(axis=2)
    return any(
        np.array_equal(page[top : top + height, left : left + width], tile)
        for top, left in np.argwhere(corner)
    )


def test_a_single_original_is_the_nearest_of_all(
    inputs: Inputs,
) -> None:
    train = write_source(Path("single.h5"), *patterns("train", 60))
    write_version(Path("single-x3/v1"), train, [4], 3)
    alone = gather(("single-x3",), inputs.test_rows.spec, None, ArmsRequest(), Progress())
    found = results(alone.test.labels, {"originals": [[3]], "single-x3": [[]]})
    (won,) = won_and_lost(alone, found, "single-x3", "originals")
    assert "class 3 for class 4" in won.caption
