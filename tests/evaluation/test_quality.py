"""Precision, recall, density, coverage and authenticity against independent references."""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import prdc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from augfactory.evaluation.images import quality as under_test
from augfactory.evaluation.images.quality import HeldOut, Metrics, Quality, RealSet, quality
from augfactory.records import Float32Array, Int64Array


def drawn(
    rows: int, seed: int, shift: float = 0.0, width: int = 7
) -> tuple[Float32Array, Int64Array]:
    random = np.random.default_rng(seed)
    features = random.standard_normal((rows, width)) + shift
    return features.astype(np.float32), random.integers(0, 3, rows)


def measured(
    real: tuple[Float32Array, Int64Array], made: tuple[Float32Array, Int64Array], k: int = 5
) -> Quality:
    return quality(RealSet(*real), lambda rows: made[0][rows], made[1], k=k)


def reference(real: Float32Array, made: Float32Array, k: int) -> dict[str, float]:
    def all_distances(a: Float32Array, b: Float32Array | None = None) -> npt.NDArray[np.float64]:
        return np.asarray(cdist(a, a if b is None else b))

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        # prdc's own starts eight threads for each small matrix.
        patch.setattr("prdc.prdc.compute_pairwise_distance", all_distances)
        return dict(prdc.compute_prdc(real, made, nearest_k=k))


def four(figures: Metrics) -> dict[str, float | None]:
    return {name: getattr(figures, name) for name in ("precision", "recall", "density", "coverage")}


def slow_neighbours(real: Float32Array, made: Float32Array) -> Iterator[tuple[int, float, bool]]:
    def far(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
        return float(np.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True))))

    for row in made:
        distances = [far(row, each) for each in real]
        nearest = distances.index(min(distances))
        others = [far(real[nearest], each) for i, each in enumerate(real) if i != nearest]
        yield nearest, distances[nearest], distances[nearest] > min(others)


@settings(max_examples=25, deadline=None)
@given(
    real_rows=st.integers(30, 90),
    made_rows=st.integers(30, 120),
    shift=st.sampled_from([0.0, 0.5, 3.0]),
    k=st.integers(1, 6),
    block=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
def test_the_figures_are_those_of_the_authors(
    real_rows: int, made_rows: int, shift: float, k: int, block: int, seed: int
) -> None:
    real, made = drawn(real_rows, seed), drawn(made_rows, seed + 5000, shift)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(under_test, "MOST_ROWS", block)
        found = measured(real, made, k)
    assert four(found.overall) == pytest.approx(reference(real[0], made[0], k), abs=1e-6)
    assert found.overall.k == k
    for label, figures in found.classes.items():
        ours, theirs = real[1] == label, made[1] == label
        assert (figures.real_rows, figures.rows) == (ours.sum(), theirs.sum())
        if k + 1 < min(ours.sum(), theirs.sum()):  # prdc can do no smaller classes
            expected = reference(real[0][ours], made[0][theirs], k)
            assert four(figures) == pytest.approx(expected, abs=1e-6)


def test_nearest_rows_and_authenticity_are_those_of_a_slow_loop() -> None:
    real, made = drawn(40, 1), drawn(60, 2)
    made[0][:10] = real[0][5:15] + np.float32(0.01)
    found = measured(real, made)
    nearest, distance, authentic = zip(*slow_neighbours(real[0], made[0]), strict=True)
    assert found.neighbours.nearest.tolist() == list(nearest)
    assert found.neighbours.distance == pytest.approx(distance, abs=1e-6)
    assert found.neighbours.authentic.tolist() == list(authentic)
    assert not any(authentic[:10])
    assert 0 < sum(authentic) < 60
    assert found.overall.authentic == pytest.approx(np.mean(authentic))
    assert found.overall.distance == pytest.approx(np.median(distance), abs=1e-6)
    for label, figures in found.classes.items():
        inside = made[1] == label
        assert figures.authentic == pytest.approx(np.array(authentic)[inside].mean())
        assert figures.distance == pytest.approx(np.median(np.array(distance)[inside]), abs=1e-6)


def test_copies_far_images_and_one_image_over_and_over_are_told_apart() -> None:
    real = drawn(200, 1)
    copies = measured(real, (real[0] + np.float32(1e-4), real[1])).overall
    assert (copies.precision, copies.recall, copies.coverage) == (1, 1, 1)
    assert copies.authentic == 0
    far = measured(real, (real[0] + 50, real[1])).overall
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)
    assert far.authentic == 1
    same = measured(real, (np.repeat(real[0][:1], 200, axis=0), real[1])).overall
    assert same.precision == 1
    assert same.recall == 0
    assert same.coverage is not None
    assert same.coverage < 0.2


def test_small_classes_get_fewer_neighbours_and_empty_ones_no_figures() -> None:
    features, _ = drawn(30, 1)
    real_labels = np.repeat([0, 1, 2], [26, 3, 1])
    made, _ = drawn(40, 2)
    made_labels = np.repeat([0, 1, 2, 3], [30, 6, 2, 2])
    found = measured((features, real_labels), (made, made_labels))
    assert {label: each.k for label, each in found.classes.items()} == {0: 5, 1: 2, 2: 0, 3: 0}
    reach = cdist(features[26:29], features[26:29]).max(axis=1)
    made_reach = np.sort(cdist(made[30:36], made[30:36]), axis=1)[:, 2]
    across = cdist(features[26:29], made[30:36])
    within = across < reach[:, None]
    assert four(found.classes[1]) == pytest.approx(
        {
            "precision": within.any(axis=0).mean(),
            "recall": (across < made_reach).any(axis=1).mean(),
            "density": within.sum(axis=0).mean() / 2,
            "coverage": within.any(axis=1).mean(),
        }
    )
    for label in (2, 3):
        assert set(four(found.classes[label]).values()) == {None}
        assert found.classes[label].authentic is not None
    nothing = measured((features, real_labels), (made[:0], made_labels[:0]))
    assert nothing.overall == Metrics(0, 30, 0, *[None] * 7)
    json.dumps([asdict(found.overall), *map(asdict, found.classes.values())], allow_nan=False)
    with pytest.raises(ValueError, match="two real rows"):
        RealSet(features[:1], real_labels[:1])


def test_recall_of_many_rows_is_taken_over_a_drawn_part(monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = drawn(60, 1), drawn(600, 2, shift=1.2)
    whole = measured(real, made)
    monkeypatch.setattr(under_test, "RECALL_ROWS_PER_CLASS", 60)
    monkeypatch.setattr(under_test, "RECALL_ROWS", 90)
    monkeypatch.setattr(under_test, "MOST_ROWS", 37)
    part = measured(real, made)
    assert four(part.overall) | {"recall": 0} == four(whole.overall) | {"recall": 0}
    kept = under_test._rows_for_recall(made[1])
    assert np.bincount(made[1][kept]).tolist() == [60, 60, 60]
    for label, figures in part.classes.items():
        rows = kept[made[1][kept] == label]
        expected = reference(real[0][real[1] == label], made[0][rows], 5)["recall"]
        assert figures.recall == pytest.approx(expected, abs=1e-6)
    drawn_rows = kept[under_test._draw(np.arange(180), 90, "all")]
    expected = reference(real[0], made[0][drawn_rows], 5)["recall"]
    assert part.overall.recall == pytest.approx(expected, abs=1e-6)
    assert 0.1 < expected < 0.9


def test_held_out_rows_say_how_near_new_ones_come() -> None:
    real, made, other = drawn(80, 1), drawn(90, 2), drawn(70, 3)
    prepared = RealSet(*real)
    told: list[int] = []
    distance = quality(prepared, lambda rows: other[0][rows], other[1]).neighbours.distance
    held_out = HeldOut(other[1], distance)
    found = quality(
        prepared, lambda rows: made[0][rows], made[1], held_out=held_out, on_rows=told.append
    )
    assert sum(told) == 90
    ours = found.neighbours.distance
    assert found.overall.distance_ratio == pytest.approx(np.median(ours) / np.median(distance))
    for label, figures in found.classes.items():
        expected = np.median(ours[made[1] == label]) / np.median(distance[other[1] == label])
        assert figures.distance_ratio == pytest.approx(expected)
    only_zero = HeldOut(np.zeros(70, dtype=np.int64), distance)
    without = quality(prepared, lambda rows: made[0][rows], made[1], held_out=only_zero)
    assert without.classes[1].distance_ratio is None


def test_generated_rows_are_read_once_in_small_blocks() -> None:
    real = drawn(64, 1)
    labels = np.zeros(5000, dtype=np.int64)
    asked: list[Int64Array] = []

    def read(rows: Int64Array) -> Float32Array:
        asked.append(rows)
        return np.random.default_rng(int(rows[0])).standard_normal((len(rows), 7), np.float32)

    quality(RealSet(*real), read, labels)
    assert max(map(len, asked)) <= under_test.MOST_ROWS
    assert np.array_equal(np.concatenate(asked), np.arange(5000))
    rows = under_test._blocks(100, 2 * under_test.MOST_DISTANCES)
    assert {len(each) for each in rows} == {1}
