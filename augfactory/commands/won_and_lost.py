"""Test images that the baseline and the best dataset read differently, and what they resemble."""

from collections.abc import Sequence

import numpy as np

from augfactory.commands.evaluation_arms import opened_part
from augfactory.commands.evaluation_inputs import Inputs
from augfactory.commands.quality import features_of
from augfactory.engines.processes import pinned_threads
from augfactory.evaluation.comparison import Results, by_arm
from augfactory.evaluation.features import random_features
from augfactory.evaluation.protocol import CellResult
from augfactory.evaluation.quality import Real, quality
from augfactory.records import Float32Array, Int64Array, Source
from augfactory.report.page import Picture
from augfactory.report.training_figures import Strip, picture_figure

SHOWN = 8
LARGE = 100  # pixels; of images with a longer side, half as many are shown
MOST_WORDS = 12  # images whose classes are said in the caption


def won_and_lost(inputs: Inputs, results: Results, arm: str, baseline: str) -> list[Picture]:
    """Return what ``arm`` gets right and ``baseline`` gets wrong, and the other way round.

    The images are those on which the trainings differ most; beneath each stands the original that
    it is nearest to. Nothing is returned where they differ nowhere.
    """
    found = by_arm(results)
    if arm == baseline or arm not in found:
        return []
    right = {
        name: np.mean(
            [np.equal(result.predicted, result.labels) for _, result in found[name].values()],
            axis=0,
        )
        for name in (arm, baseline)
    }
    gain = right[arm] - right[baseline]
    originals = opened_part(inputs.arms[0]).source
    nearest = _Nearest(originals, inputs.test)
    pictures = []
    for title, heading, other, sign in (
        (f"What {arm} gets right and {baseline} gets wrong", "Test images won", baseline, 1),
        (f"What {arm} gets wrong and {baseline} gets right", "Test images lost", arm, -1),
    ):
        rows = _most(sign * gain, _room(inputs.test))
        if len(rows):
            counted = int((sign * gain > 0).sum())
            said = _taken_for(inputs.test, rows, [each for _, each in found[other].values()])
            caption = (
                f"{counted:,} of {len(gain):,} test images, those first on which the trainings "
                f"differ most. {other} takes, from left to right, {said}."
            )
            pictures.append(Picture(title, caption, nearest.drawn(heading, rows)))
    return pictures


class _Nearest:
    """Test images above the originals that they are nearest to."""

    def __init__(self, originals: Source, test: Source) -> None:
        self.originals, self.test = originals, test
        self.space = random_features(test.image_shape)

    def drawn(self, title: str, rows: Int64Array) -> bytes:
        """Return the PNG of test ``rows``."""
        with pinned_threads(1):
            real = Real(features_of(self.space, self.originals), self.originals.labels)

            def read(shown: Int64Array) -> Float32Array:
                return self.space.extract(self.test.read_images(rows[shown]))

            near = quality(real, read, self.test.labels[rows]).neighbours.nearest
        return picture_figure(
            title,
            f"nearest in {self.space.name}",
            ("",),
            [
                Strip("test image", (self.test.read_images(rows),)),
                Strip("nearest original", (self.originals.read_images(near),)),
            ],
        )


def _most(gain: np.ndarray, count: int) -> Int64Array:
    """Return at most ``count`` rows with the largest gains above 0, in their order."""
    order = np.argsort(-gain, kind="stable")[:count]
    return order[gain[order] > 0].astype(np.int64)


def _room(test: Source) -> int:
    return SHOWN if max(test.image_shape[:2]) <= LARGE else SHOWN // 2


def _taken_for(test: Source, rows: Int64Array, results: Sequence[CellResult]) -> str:
    """Say of each row which class it is of and which it was taken for most often."""
    predicted = np.array([result.predicted for result in results])
    said = []
    for row in rows[:MOST_WORDS].tolist():
        wrong = predicted[:, row][predicted[:, row] != test.labels[row]]
        names, counts = np.unique(wrong, return_counts=True)
        taken = test.class_names[int(names[counts.argmax()])]
        said.append(f"{test.class_names[int(test.labels[row])]} for {taken}")
    return ", ".join(said)
