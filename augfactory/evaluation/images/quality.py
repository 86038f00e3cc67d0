"""How good generated images are before anything is trained on them.

Real and generated images are compared as vectors of one feature space (``features.py``):

* precision: the share of generated rows that lie in the manifold of the real ones, the union of
  balls around each real row that reach to its k-th nearest other; recall: the share of real rows in
  the manifold of the generated ones (Kynkäänniemi et al. 2019, equations 1 to 3);
* density: how many real balls a generated row lies in, over k, so that outliers among the real rows
  count little; it can exceed 1. Coverage: the share of real balls that hold a generated row (Naeem
  et al. 2020, equations 4 and 6);
* authentic: a generated row is a copy in disguise when it is nearer to its nearest real row than
  that one is to its own nearest other (Alaa et al. 2022, section 4.3). It says
  something of a set, little of a single row: of test images, which are new indeed, 57 % are called
  authentic among 1,000 digits, 74 % among 1,000 photographs of CIFAR-10.

Distances are Euclidean, in float64. Generated rows are read in blocks and forgotten, so that memory
is bounded by the real rows and a few numbers for each generated one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from augfactory.keyed_random import generator
from augfactory.records import Float32Array, Float64Array, Int64Array

BoolArray = npt.NDArray[np.bool_]
# rows of the generated set -> their features, float32 [n, D]
ReadFeatures = Callable[[Int64Array], Float32Array]

NEIGHBOURS = 5
MOST_ROWS = 1024
MOST_DISTANCES = 2**21  # in one block: 16 MiB
RECALL_ROWS_PER_CLASS = 2_000
RECALL_ROWS = 10_000


@dataclass(frozen=True)
class Metrics:
    """Metrics of one group of generated rows: those of a class, or all.

    ``k`` is what was asked, but smaller than both groups: classes of at most k images are measured
    with one less than they have. Where that leaves no neighbour, or there is nothing generated, the
    four are None. In a class, real rows are those of that class; ``authentic`` and the distances
    always look for the nearest among all real rows, for a copy is a copy under any label.

    Attributes:
        rows: generated rows.
        real_rows: real rows.
        k: neighbours that span a ball.
        precision: 0 to 1.
        recall: 0 to 1.
        density: 0 or more.
        coverage: 0 to 1.
        authentic: share of authentic rows, 0 to 1.
        distance: median distance of a generated row to its nearest real row.
        distance_ratio: ``distance`` over that of the held-out real rows of the same classes, None
            without them. Well below 1 means that rows were made closer to the real ones than new
            images would be.
    """

    rows: int
    real_rows: int
    k: int
    precision: float | None
    recall: float | None
    density: float | None
    coverage: float | None
    authentic: float | None
    distance: float | None
    distance_ratio: float | None


@dataclass(frozen=True)
class HeldOut:
    """Real rows that nothing was made from: the class of each, and how near the real set comes.

    Attributes:
        labels: int64 [n].
        distance: float32 [n], to the nearest row of the real set, as ``quality`` finds it.
    """

    labels: Int64Array
    distance: Float32Array

    def median(self, label: int | None) -> float | None:
        """Return the median distance in class ``label``, in all for None; None without rows."""
        found = self.distance if label is None else self.distance[self.labels == label]
        return float(np.median(found)) if len(found) else None


@dataclass(frozen=True)
class Neighbours:
    """For each generated row its nearest real row.

    Attributes:
        nearest: int64 [M], a row of the real set.
        distance: float32 [M].
        authentic: bool [M].
    """

    nearest: Int64Array
    distance: Float32Array
    authentic: BoolArray


@dataclass(frozen=True)
class Quality:
    """Metrics over all rows and in each class (by label), and what is known of each row."""

    overall: Metrics
    classes: dict[int, Metrics]
    neighbours: Neighbours


class RealSet:
    """The real rows that generated ones are compared with."""

    def __init__(self, features: Float32Array, labels: Int64Array) -> None:
        """Take float32 [N, D] and int64 [N]; N is at least 2."""
        if len(features) < 2:
            raise ValueError("two real rows are needed to tell near from far")
        self.features: Float64Array = features.astype(np.float64)
        self.labels = labels
        self.to_other = kth_distance(self.features, 1)

    def __len__(self) -> int:
        return len(self.labels)


def quality(
    real: RealSet,
    read_features: ReadFeatures,
    labels: Int64Array,
    *,
    k: int = NEIGHBOURS,
    held_out: HeldOut | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Quality:
    """Compare the generated rows, whose ``labels`` are int64 [M], with the real ones.

    Recall needs the distances among the generated rows. It is taken over at most 2,000 of each
    class and, for all together, at most 10,000 of these, drawn by a fixed seed; all else is taken
    over every row.

    Args:
        real: the real rows.
        read_features: called once for each generated row, in blocks and in order.
        labels: the class of each generated row.
        k: neighbours that span a ball; see ``Metrics`` for small classes.
        held_out: what new images look like, for ``distance_ratio``.
        on_rows: told of each block how many rows it had.
    """
    count = len(labels)
    neighbours = Neighbours(
        np.empty(count, dtype=np.int64),
        np.empty(count, dtype=np.float32),
        np.empty(count, dtype=np.bool_),
    )
    class_labels = sorted(set(real.labels.tolist()) | set(labels.tolist()))
    everything = np.arange(len(real))
    kept = _rows_for_recall(labels)
    kept_features = np.empty((len(kept), real.features.shape[1]))
    overall = _Balls(real, everything, count, k)
    balls = {
        label: _Balls(real, np.flatnonzero(real.labels == label), int((labels == label).sum()), k)
        for label in class_labels
    }
    for rows in _blocks(count, len(real)):
        features = read_features(rows).astype(np.float64)
        distances = euclidean_distances(features, real.features)
        nearest = distances.argmin(axis=1)
        distance = distances[np.arange(len(rows)), nearest]
        neighbours.nearest[rows] = nearest
        neighbours.distance[rows] = distance
        neighbours.authentic[rows] = distance > real.to_other[nearest]
        overall.count(distances)
        for label in np.unique(labels[rows]).tolist():
            own = balls[label]
            own.count(distances[np.ix_(labels[rows] == label, own.members)])
        first, last = np.searchsorted(kept, [rows[0], rows[-1] + 1])
        kept_features[first:last] = features[kept[first:last] - rows[0]]
        if on_rows is not None:
            on_rows(len(rows))
    whole = _draw(np.arange(len(kept)), RECALL_ROWS, "all")
    return Quality(
        overall=overall.figures(
            kept_features[whole],
            neighbours,
            np.arange(count),
            held_out.median(None) if held_out else None,
        ),
        classes={
            label: own.figures(
                kept_features[labels[kept] == label],
                neighbours,
                np.flatnonzero(labels == label),
                held_out.median(label) if held_out else None,
            )
            for label, own in balls.items()
        },
        neighbours=neighbours,
    )


class _Balls:
    """The balls around some of the real rows, and what generated rows fell into them."""

    def __init__(self, real: RealSet, members: Int64Array, generated: int, k: int) -> None:
        self.members = members
        self.features = real.features[members]
        self.generated = generated
        self.k = max(0, min(k, len(members) - 1, generated - 1))
        self.radius = kth_distance(self.features, self.k) if self.k else np.zeros(len(members))
        self.inside = self.hits = 0
        self.held = np.zeros(len(members), dtype=np.bool_)

    def count(self, distances: Float64Array) -> None:
        """Count generated rows by their ``distances`` [n, members]."""
        within = distances < self.radius
        self.inside += int(within.any(axis=1).sum())
        self.hits += int(within.sum())
        self.held |= within.any(axis=0)

    def figures(
        self,
        kept: Float64Array,
        neighbours: Neighbours,
        rows: Int64Array,
        usual: float | None,
    ) -> Metrics:
        """Sum up what was counted.

        ``kept`` are the features of the generated rows that recall is taken over, ``rows`` the
        generated rows that were counted, ``usual`` the distance of new images.
        """
        known = self.k > 0
        distance = float(np.median(neighbours.distance[rows])) if len(rows) else None
        return Metrics(
            rows=self.generated,
            real_rows=len(self.members),
            k=self.k,
            precision=self.inside / self.generated if known else None,
            recall=self._recall(kept) if known else None,
            density=self.hits / (self.k * self.generated) if known else None,
            coverage=float(self.held.mean()) if known else None,
            authentic=float(neighbours.authentic[rows].mean()) if len(rows) else None,
            distance=distance,
            distance_ratio=distance / usual if usual and distance is not None else None,
        )

    def _recall(self, kept: Float64Array) -> float:
        radius = kth_distance(kept, min(self.k, len(kept) - 1))
        found = [
            (euclidean_distances(self.features[rows], kept) < radius).any(axis=1)
            for rows in _blocks(len(self.features), len(kept))
        ]
        return float(np.concatenate(found).mean())


def kth_distance(features: Float64Array, k: int) -> Float64Array:
    """Return float64 [N], the distance of each row to its k-th nearest other."""
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(features)
    distances: Float64Array = search.kneighbors()[0]
    return distances[:, -1]


def _blocks(count: int, others: int) -> list[Int64Array]:
    size = max(1, min(MOST_ROWS, MOST_DISTANCES // max(1, others)))
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


def _rows_for_recall(labels: Int64Array) -> Int64Array:
    drawn = [
        _draw(np.flatnonzero(labels == label), RECALL_ROWS_PER_CLASS, label)
        for label in np.unique(labels).tolist()
    ]
    return np.sort(np.concatenate(drawn)) if drawn else np.empty(0, dtype=np.int64)


def _draw(rows: Int64Array, most: int, what: int | str) -> Int64Array:
    if len(rows) <= most:
        return rows
    return np.sort(generator("recall", what).choice(rows, most, replace=False))
