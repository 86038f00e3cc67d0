"""Small classifiers that are trained in a blink, cross-validated: what they got right."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
STRENGTHS = (1.0, 0.6, 0.8, 1.2, 1.5, 2.0)  # of the noise that each recipe of ``learnt`` adds
CLASSES, SIDES, FEATURES, COPIES = 3, 12, 30, 4


def learnt(
    random: np.random.Generator, images: int, folds: int, of_repeat: int
) -> tuple[Ints, Floats]:
    """Train least-squares classifiers on random features of noisy copies of drawn points.

    What the images, the trainings and the recipes have to do with each other is not assumed here:
    it comes of learning. Returns the rows [folds, N] and what was right, [recipes, folds, N].
    """
    labels, points = _points(random, images)
    repeats = -(-folds // of_repeat)
    dealt = [random.permutation(images).reshape(of_repeat, -1) for _ in range(repeats)]
    rows = np.concatenate(dealt)[:folds]
    right = np.empty((len(STRENGTHS), *rows.shape))
    for fold, held in enumerate(rows):
        train = np.setdiff1d(np.arange(images), held)
        for arm, strength in enumerate(STRENGTHS):
            right[arm, fold] = _learn(
                random, strength, points[train], labels[train], points[held]
            ) == labels[held]  # fmt: skip
    return rows, right


def accuracy_of(strength: float, images: int, times: int = 400) -> float:
    """Return what a recipe of ``learnt`` is worth, trained on ``images`` others each time."""
    random = np.random.default_rng(1)
    found = []
    for _ in range(times):
        labels, points = _points(random, images)
        asked, unseen = _points(random, 1000)
        found.append((_learn(random, strength, points, labels, unseen) == asked).mean())
    return float(np.mean(found))


def _points(random: np.random.Generator, count: int) -> tuple[Ints, Floats]:
    centres = 0.75 * np.random.default_rng(0).normal(size=(CLASSES, SIDES))
    labels = random.integers(CLASSES, size=count)
    return labels, centres[labels] + random.normal(size=(count, SIDES))


def _learn(
    random: np.random.Generator,
    strength: float,
    points: Floats,
    labels: Ints,
    unseen: Floats,
) -> Ints:
    """Return the classes that ``unseen`` points are taken for."""
    weights, offset = random.normal(size=(SIDES, FEATURES)), random.normal(size=FEATURES)
    many = np.repeat(points, COPIES, axis=0)
    many = many + strength * random.normal(size=many.shape)
    inside = np.tanh(0.4 * (many @ weights) + offset)
    wanted = np.eye(CLASSES)[np.repeat(labels, COPIES)]
    solved = np.linalg.solve(inside.T @ inside + np.eye(FEATURES), inside.T @ wanted)
    found: Ints = (np.tanh(0.4 * (unseen @ weights) + offset) @ solved).argmax(1)
    return found
