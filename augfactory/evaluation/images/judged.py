"""What made images are worth to a classifier: can it still read them, are they sharp, how far off.

Judged by classifiers that did not learn the original that an image was made from (``judges.py``):

* read: the share of images whose class the judge names. Of a mixed image, naming another of its
  classes counts by that class's share of the label over the largest share;
* sharpness: how much fine detail the images have over what the originals of their class have. It is
  the root of the power in the finer half of an orthonormal 2-D cosine transform of the brightness,
  averaged over images. 1 is that of the originals; a blurred image has less, noise has more;
* own, nearest: median distance of an image to the original that it was made from (of several the
  first), and to any original of the fold, in the judge's features, over the distance that
  originals usually have to their nearest other;
* coverage: the share of originals that have an image of their class nearer than their k-th nearest
  other of the class (Naeem et al. 2020, equation 6), with no more images than originals.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn
from sklearn.metrics.pairwise import euclidean_distances

from augfactory.arrays.colour import LUMA
from augfactory.evaluation.images.judges import Judge, Judges
from augfactory.evaluation.images.quality import NEIGHBOURS, kth_distance
from augfactory.evaluation.training.predicting import log_probabilities
from augfactory.evaluation.training.training_set import spread_rows
from augfactory.records import Float32Array, Float64Array, Int64Array, Source, UInt8Array

BLOCK = 1024
FINE = 0.5  # of the finest frequency
NOT_JUDGED = -1


@dataclass(frozen=True)
class Judged:
    """What was found of one group of images: those of a class, or all; None where nothing was.

    ``rows`` is how many images were judged. The measures are those of this file's head.
    """

    rows: int
    read: float | None
    sharpness: float | None
    own: float | None
    nearest: float | None
    coverage: float | None


@dataclass(frozen=True)
class JudgedRows:
    """What was found of each image, float32 [M]; NaN where it was not judged.

    ``own`` is NaN too where an image was made from no original.
    """

    read: Float32Array
    sharpness: Float32Array
    own: Float32Array
    nearest: Float32Array


@dataclass(frozen=True)
class Judgement:
    """What was found of all images, of those of each class (by label), and of each image."""

    overall: Judged
    classes: dict[int, Judged]
    each: JudgedRows


class Bench:
    """The originals as their judges see them."""

    def __init__(self, judges: Judges, originals: Source) -> None:
        """Take the originals that the judges were trained on."""
        self.judges = judges
        self.originals = originals
        self.members = [np.flatnonzero(judges.fold == own) for own in range(len(judges.judges))]
        self.place = np.empty(len(originals), dtype=np.int64)
        self.features: list[Float64Array] = []
        self.scale: list[float] = []
        self.radius = np.full(len(originals), np.nan)
        for judge, members in zip(judges.judges, self.members, strict=True):
            self.place[members] = np.arange(len(members))
            found = np.concatenate(
                [judge.space.extract(originals.read_images(rows)) for rows in _blocks(members)]
            ).astype(np.float64)
            self.features.append(found)
            self.scale.append(float(np.median(kth_distance(found, 1))) or 1.0)
            for label in np.unique(originals.labels[members]).tolist():
                same = np.flatnonzero(originals.labels[members] == label)
                k = min(NEIGHBOURS, len(same) - 1)
                if k:
                    self.radius[members[same]] = kth_distance(found[same], k)
        detail = fine_detail_of(originals)
        classes = len(originals.class_names)
        counts = np.bincount(originals.labels, minlength=classes)
        total = np.bincount(originals.labels, weights=detail, minlength=classes)
        self.detail = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def judge_images(
    bench: Bench,
    made: Source,
    fold: Int64Array,
    origin: Int64Array,
    on_rows: Callable[[int], None] | None = None,
) -> Judgement:
    """Judge the images of ``made``.

    Args:
        bench: the originals and their judges.
        made: M images with labels.
        fold: int64 [M], which judge each image is shown to; -1 leaves it out.
        origin: int64 [M], the original that each image was made from; -1 where there is none.
        on_rows: told of each block how many images it had.
    """
    blank = np.full(len(made), np.nan, dtype=np.float32)
    each = JudgedRows(blank, blank.copy(), blank.copy(), blank.copy())
    covered = np.zeros(len(bench.originals), dtype=np.bool_)
    for own, judge in enumerate(bench.judges.judges):
        shown = np.flatnonzero(fold == own)
        counting = _spread(made.labels[shown], bench.originals.labels[bench.members[own]])
        for block in _blocks(np.arange(len(shown))):
            rows = shown[block]
            apart = _look(bench, own, judge, made, rows, origin, each)
            held = apart < bench.radius[bench.members[own]]
            held &= made.labels[rows][:, None] == bench.originals.labels[bench.members[own]]
            covered[bench.members[own]] |= held[counting[block]].any(axis=0)
            if on_rows is not None:
                on_rows(len(rows))
    judged = fold != NOT_JUDGED
    reachable = ~np.isnan(bench.radius)
    labels = bench.originals.labels
    everything = sorted(set(made.labels.tolist()) | set(labels.tolist()))
    return Judgement(
        _sum_up(each, judged, covered[reachable]),
        {
            label: _sum_up(
                each, judged & (made.labels == label), covered[reachable & (labels == label)]
            )
            for label in everything
        },
        each,
    )


def fold_of_rows(judges: Judges, origins: Int64Array) -> Int64Array:
    """Return the judge of each image, int64 [M], -1 where its originals lie in several folds.

    ``origins``, int64 [M, P], are the originals that went into it, -1 where unused.
    """
    fold = np.where(origins >= 0, judges.fold[origins], NOT_JUDGED)
    first = fold.max(axis=1)
    one = ((fold == first[:, None]) | (origins < 0)).all(axis=1)
    return np.where(one, first, NOT_JUDGED)


def fine_detail(images: UInt8Array) -> Float32Array:
    """Return the fine detail of images uint8 [n, H, W, C]: float32 [n], in brightness of 0 to 1."""
    scaled = images.astype(np.float32) / 255
    grey = scaled[..., 0] if scaled.shape[3] == 1 else scaled @ np.array(LUMA, np.float32)
    height, width = grey.shape[1:]
    down, across = np.arange(height)[:, None] / height, np.arange(width) / width
    fine = np.hypot(down, across) >= FINE
    power = np.square(dctn(grey, axes=(1, 2), norm="ortho"))[:, fine]
    found: Float32Array = np.sqrt(power.sum(axis=1) / (height * width)).astype(np.float32)
    return found


def fine_detail_of(source: Source) -> Float32Array:
    """Return the fine detail of every row, float32 [N]."""
    rows = np.arange(len(source))
    return np.concatenate([fine_detail(source.read_images(block)) for block in _blocks(rows)])


def _look(
    bench: Bench,
    own: int,
    judge: Judge,
    made: Source,
    rows: Int64Array,
    origin: Int64Array,
    each: JudgedRows,
) -> Float64Array:
    """Fill in what is found of ``rows``; return their distances to the originals of the fold."""
    images, labels = made.read_images(rows), made.read_soft_labels(rows)
    found = log_probabilities(
        judge.network, lambda block: images[block], np.arange(len(rows)), labels.shape[1]
    )
    named = labels[np.arange(len(rows)), found.argmax(axis=1)]
    each.read[rows] = named / labels.max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = fine_detail(images) / bench.detail[made.labels[rows]]
    each.sharpness[rows] = np.where(np.isfinite(ratio), ratio, np.nan)
    seen = judge.space.extract(images).astype(np.float64)
    apart: Float64Array = euclidean_distances(seen, bench.features[own])
    each.nearest[rows] = apart.min(axis=1) / bench.scale[own]
    known = np.flatnonzero(origin[rows] >= 0)
    place = bench.place[origin[rows[known]]]
    each.own[rows[known]] = apart[known, place] / bench.scale[own]
    return apart


def _spread(labels: Int64Array, real_labels: Int64Array) -> npt.NDArray[np.bool_]:
    """Choose of each class no more rows than there are real ones, evenly spread: bool [n]."""
    chosen = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        most = int((real_labels == label).sum())
        chosen[rows[spread_rows(len(rows), most)]] = True
    return chosen


def _sum_up(
    each: JudgedRows, rows: npt.NDArray[np.bool_], covered: npt.NDArray[np.bool_]
) -> Judged:
    count = int(rows.sum())
    return Judged(
        rows=count,
        read=_mean(each.read[rows]),
        sharpness=_mean(each.sharpness[rows]),
        own=_median(each.own[rows]),
        nearest=_median(each.nearest[rows]),
        coverage=float(covered.mean()) if count and len(covered) else None,
    )


def _mean(values: Float32Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _median(values: Float32Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def _blocks(rows: Int64Array) -> list[Int64Array]:
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
