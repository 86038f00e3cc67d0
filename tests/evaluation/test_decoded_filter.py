"""Which decoded images are rejected, and why."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from augfactory.evaluation.images import decoded_filter as own
from augfactory.evaluation.images.decoded_filter import (
    DecodedFilter,
    filter_from,
    reasons,
    taught_filter,
)
from augfactory.evaluation.images.judges import folds_of
from tests.evaluation.memory import CLASSES, pattern_source

ROWS = 60
ORIGINALS = pattern_source("labelled", ROWS)
EACH = np.arange(ROWS)


@pytest.fixture(scope="module")
def judged() -> DecodedFilter:
    patch = pytest.MonkeyPatch()
    patch.setattr(own, "STEPS", 25)
    try:
        return taught_filter(ORIGINALS, ())
    finally:
        patch.undo()


def changed(rows: np.ndarray) -> np.ndarray:
    """Return the rows' images, each pixel some steps away, so that none is a copy."""
    return np.asarray(np.clip(ORIGINALS.read_images(rows).astype(int) + 6, 0, 255), dtype=np.uint8)


def test_what_the_judge_of_its_fold_reads_as_another_class_is_unread(
    judged: DecodedFilter,
) -> None:
    assert judged.read.mean() > 0.8
    own_pattern, other_pattern = changed(EACH), changed((EACH + 1) % ROWS)
    assert set(reasons(judged, ORIGINALS, own_pattern, EACH[:, None]).tolist()) <= {"", "unread"}
    said = reasons(judged, ORIGINALS, other_pattern, EACH[:, None])
    assert (said[judged.read] == "unread").mean() > 0.8
    # A judge that does not read the original has no say.
    assert (said[~judged.read] == "").all()


def test_the_judge_that_is_asked_is_that_of_the_first_original() -> None:
    class Says(nn.Module):
        def __init__(self, label: int) -> None:
            super().__init__()
            self.label = label

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(len(images), CLASSES)
            logits[:, self.label] = 1
            return logits

    fold = folds_of(ORIGINALS.labels)
    judges = DecodedFilter(fold, (Says(0), Says(1), Says(2)), np.ones(ROWS, dtype=np.bool_))
    origins = np.stack([EACH, np.roll(EACH, 1)], axis=1)
    said = reasons(judges, ORIGINALS, changed(EACH), origins)
    np.testing.assert_array_equal(said == "", fold == ORIGINALS.labels)


def test_blank_and_copied_images_are_rejected_whatever_is_read(judged: DecodedFilter) -> None:
    nobody_reads = replace(judged, read=np.zeros(ROWS, dtype=np.bool_))
    origins = np.stack([EACH, (EACH + CLASSES) % ROWS], axis=1)
    flat = np.full_like(ORIGINALS.read_images(EACH), 90)
    assert set(reasons(nobody_reads, ORIGINALS, flat, origins)) == {"blank"}
    partner = ORIGINALS.read_images(origins[:, 1])
    partner[:, 0, 0, 0] ^= 1  # one pixel by one: still a copy
    assert set(reasons(nobody_reads, ORIGINALS, partner, origins)) == {"copy"}
    alone = np.where(np.array([True, False]), origins, -1)
    assert set(reasons(nobody_reads, ORIGINALS, partner, alone)) == {""}


def test_a_filter_survives_being_kept_and_damage_is_noticed(judged: DecodedFilter) -> None:
    data = judged.as_bytes()
    shown = changed((EACH + 1) % ROWS)
    before = reasons(judged, ORIGINALS, shown, EACH[:, None])

    def assert_equal(again: DecodedFilter) -> None:
        np.testing.assert_array_equal(before, reasons(again, ORIGINALS, shown, EACH[:, None]))

    assert_equal(filter_from(data, ORIGINALS))
    noticed = 0
    for place in np.linspace(50, len(data) - 1, 10).astype(int):
        damaged = bytearray(data)
        damaged[place] ^= 4
        try:
            assert_equal(filter_from(bytes(damaged), ORIGINALS))  # as of a member's date
        except (ValueError, KeyError, OSError, zipfile.BadZipFile):
            noticed += 1
    assert noticed >= 5
    with pytest.raises((ValueError, KeyError)):
        filter_from(data, pattern_source("labelled", ROWS - 10))


def test_a_kept_filter_knows_which_judge_learnt_what(judged: DecodedFilter) -> None:
    """That of before equal images were held together is asked as it was taught."""
    other = replace(judged, fold=(judged.fold + 1) % 3)
    data = other.as_bytes()
    np.testing.assert_array_equal(filter_from(data, ORIGINALS).fold, other.fold)
    arrays = {name: value for name, value in np.load(io.BytesIO(data)).items() if name != "fold"}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    np.testing.assert_array_equal(
        filter_from(buffer.getvalue(), ORIGINALS).fold, folds_of(ORIGINALS.labels)
    )
