"""What is measured on a trained classifier."""

from dataclasses import dataclass

import numpy as np

from augfactory.records import Float64Array, Int64Array

BINS = 15
ROWS_OF_A_BIN = 100
TEMPERATURES = (0.05, 20.0)
LEAST_LOG = -1e4  # in place of the logarithm of 0


@dataclass(frozen=True)
class Scores:
    """Figures over the rows of one test set.

    ``accuracy`` and ``balanced_accuracy`` (the mean over the classes), 0 to 1; ``nll`` in nats;
    ``brier``, 0 to 2, summed over the classes (Brier 1950); ``ece`` and ``rms_calibration``, 0 to
    1: the mean and the root mean square of |accuracy - confidence| over bins of confidence,
    weighted by their rows. Those of ``ece`` are 15 equal ones (Guo et al. 2017, section 2), those
    of ``rms_calibration`` hold 100 rows each, in order of confidence, the last up to 199, as in the
    code of its authors (Hendrycks et al. 2019, arXiv:1812.04606, appendix).
    """

    accuracy: float
    balanced_accuracy: float
    nll: float
    brier: float
    ece: float
    rms_calibration: float


@dataclass(frozen=True)
class CorruptedScores:
    """Figures on one corruption at one severity, over ``images``; ``error`` is 1 - accuracy.

    The others are those of ``Scores``.
    """

    corruption: str
    severity: int
    images: int
    error: float
    nll: float
    ece: float
    rms_calibration: float


@dataclass(frozen=True)
class Reliability:
    """Rows, mean confidence and accuracy in each of 15 equal bins of confidence from 0 to 1.

    The last two are 0 where a bin is empty.
    """

    count: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]


def scores(log_probability: Float64Array, labels: Int64Array) -> Scores:
    """Return the figures of ``log_probability`` [N, K] on ``labels`` [N], N at least 1."""
    matrix = confusion(log_probability, labels)
    return Scores(
        accuracy=float(np.trace(matrix) / len(labels)),
        balanced_accuracy=float(np.nanmean(class_accuracy(matrix))),
        nll=negative_log_likelihood(log_probability, labels),
        brier=brier(log_probability, labels),
        ece=calibration_error(reliability(log_probability, labels)),
        rms_calibration=rms_calibration(log_probability, labels),
    )


def corrupted_scores(
    corruption: str, severity: int, log_probability: Float64Array, labels: Int64Array
) -> CorruptedScores:
    """Return the figures of ``log_probability`` [N, K] on ``labels`` [N], N at least 1."""
    bins = reliability(log_probability, labels)
    return CorruptedScores(
        corruption=corruption,
        severity=severity,
        images=len(labels),
        error=1 - accuracy(log_probability, labels),
        nll=negative_log_likelihood(log_probability, labels),
        ece=calibration_error(bins),
        rms_calibration=rms_calibration(log_probability, labels),
    )


def calibration_error(bins: Reliability) -> float:
    """Return the expected calibration error, 0 to 1."""
    count = np.asarray(bins.count)
    gap = np.abs(np.asarray(bins.accuracy) - np.asarray(bins.confidence))
    return float((count / count.sum() * gap).sum())


def accuracy(log_probability: Float64Array, labels: Int64Array) -> float:
    """Return the share of rows, 0 to 1, whose most likely class is the label."""
    return float(np.mean(log_probability.argmax(axis=1) == labels))


def negative_log_likelihood(log_probability: Float64Array, labels: Int64Array) -> float:
    """Return the mean of -log p(label), in nats."""
    return float(-np.mean(log_probability[np.arange(len(labels)), labels]))


def brier(log_probability: Float64Array, labels: Int64Array) -> float:
    """Return the mean squared distance between probabilities and one-hot labels, 0 to 2."""
    gap = np.exp(log_probability)
    gap[np.arange(len(labels)), labels] -= 1
    return float(np.mean((gap**2).sum(axis=1)))


def confusion(log_probability: Float64Array, labels: Int64Array) -> Int64Array:
    """Return int64 [K, K], how many rows of each class (down) were taken for each (across)."""
    classes = log_probability.shape[1]
    pairs = labels * classes + log_probability.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def class_accuracy(matrix: Int64Array) -> Float64Array:
    """Return float64 [K], the accuracy on each class; NaN for a class without rows."""
    rows = matrix.sum(axis=1)
    shares = np.full(len(rows), np.nan)
    np.divide(np.diag(matrix), rows, out=shares, where=rows > 0)
    return shares


def reliability(log_probability: Float64Array, labels: Int64Array) -> Reliability:
    """Return what the classifier's confidence was worth, bin by bin."""
    confidence = np.exp(log_probability.max(axis=1))
    right = log_probability.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    full = np.maximum(count, 1)
    return Reliability(
        count=tuple(count.tolist()),
        confidence=tuple((np.bincount(place, confidence, BINS) / full).tolist()),
        accuracy=tuple((np.bincount(place, right, BINS) / full).tolist()),
    )


def rms_calibration(log_probability: Float64Array, labels: Int64Array) -> float:
    """Return the root mean square, 0 to 1, of |accuracy - confidence| over bins of 100 rows."""
    confidence = np.exp(log_probability.max(axis=1))
    right = log_probability.argmax(axis=1) == labels
    order = np.argsort(confidence, kind="stable")
    starts = np.arange(max(1, len(order) // ROWS_OF_A_BIN)) * ROWS_OF_A_BIN
    rows = np.diff(np.append(starts, len(order)))
    gap = np.add.reduceat(confidence[order] - right[order], starts) / rows
    return float(np.sqrt((rows * gap**2).sum() / len(order)))


def fit_temperature(log_probability: Float64Array, labels: Int64Array) -> float:
    """Return the temperature, 0.05 to 20, that makes ``labels`` most likely (Guo et al. 2017).

    A label counts as (n + 1) / (n + 2) of its class, n being the rows, and the rest as the other
    classes alike (after Platt 1999, section 2.2): else a few rows that are all read right would
    make every answer as sure as can be. Rows that are not the test's must be used: what is fitted
    on them is then measured there.
    """
    from scipy.optimize import minimize_scalar  # it takes most of a second to load

    count, classes = log_probability.shape
    other = 1 / (count + 2) / max(1, classes - 1)
    targets = np.full((count, classes), other)
    targets[np.arange(count), labels] = 1 - 1 / (count + 2) if classes > 1 else 1.0

    def nll(log_temperature: float) -> float:
        found = scaled(log_probability, np.exp(log_temperature))
        return float(-(targets * np.maximum(found, LEAST_LOG)).sum(axis=1).mean())

    bounds = (np.log(TEMPERATURES[0]), np.log(TEMPERATURES[1]))
    return float(np.exp(minimize_scalar(nll, bounds=bounds, method="bounded").x))


def scaled(log_probability: Float64Array, temperature: float) -> Float64Array:
    """Return the log-probabilities at another temperature; they serve as logits."""
    from scipy.special import log_softmax

    softened: Float64Array = log_softmax(log_probability / temperature, axis=1)
    return softened
