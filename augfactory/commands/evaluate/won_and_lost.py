"""Test images that the baseline and the best dataset read differently, and what they resemble."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import pairwise_distances_argmin

from augfactory.commands.evaluate.arms import opened_part
from augfactory.commands.evaluate.inputs import Inputs
from augfactory.commands.evaluate.pictures import room
from augfactory.commands.evaluate.quality import features_of
from augfactory.engines.processes import pinned_threads
from augfactory.evaluation.comparison.compare import Results, by_arm
from augfactory.evaluation.comparison.protocol import RunResult
from augfactory.evaluation.images.features import random_features
from augfactory.records import Int64Array, Source
from augfactory.report.figures.training_figures import Strip, picture_figure
from augfactory.report.page_figures import Picture


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
    space = random_features(originals.image_shape)
    pictures = []
    for title, heading, other, sign in (
        (f"What {arm} gets right and {baseline} gets wrong", "Test images won", baseline, 1),
        (f"What {arm} gets wrong and {baseline} gets right", "Test images lost", arm, -1),
    ):
        rows = _most(sign * gain, room(inputs.test))
        if len(rows):
            counted = int((sign * gain > 0).sum())
            said = _taken_for(inputs.test, rows, [each for _, each in found[other].values()])
            caption = (
                f"{counted:,} of {len(gain):,} test images, those first on which the trainings "
                f"differ most. {other} takes, from left to right, {said}."
            )
            shown = inputs.test.read_images(rows)
            with pinned_threads(1):
                near = pairwise_distances_argmin(
                    space.extract(shown), features_of(space, originals)
                )
            strips = [
                Strip("test image", (shown,)),
                Strip("nearest original", (originals.read_images(near),)),
            ]
            png = picture_figure(heading, f"nearest in {space.name}", ("",), strips)
            pictures.append(Picture(title, caption, png))
    return pictures


def _most(gain: np.ndarray, count: int) -> Int64Array:
    """Return at most ``count`` rows with the largest gains above 0, in their order."""
    order = np.argsort(-gain, kind="stable")[:count]
    return order[gain[order] > 0].astype(np.int64)


def _taken_for(test: Source, rows: Int64Array, results: Sequence[RunResult]) -> str:
    """Say of each row which class it is of and which it was taken for most often."""
    predicted = np.array([result.predicted for result in results])
    said = []
    for row in rows.tolist():
        wrong = predicted[:, row][predicted[:, row] != test.labels[row]]
        names, counts = np.unique(wrong, return_counts=True)
        taken = test.class_names[int(names[counts.argmax()])]
        said.append(f"{test.class_names[int(test.labels[row])]} for {taken}")
    return ", ".join(said)
