"""Statistics are those of all rows together, exactly, however the rows are cut into shards."""

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from augfactory.records import Rows
from augfactory.store.manifest import row_digests
from augfactory.store.statistics import Statistics, Sums, Totals, sums_of
from tests.store.conftest import make_rows


def rows_from(rows: Rows, start: int, stop: int) -> Rows:
    values = {f.name: getattr(rows, f.name)[start:stop] for f in dataclasses.fields(rows)}
    return Rows(**values)


def statistics(*parts: Rows) -> Statistics:
    totals = Totals(sum(map(len, parts)), Path())
    for part in parts:
        totals.add(sums_of(part), row_digests(part))
    return totals.statistics()


@pytest.mark.parametrize("channels", [1, 3])
def test_they_are_those_of_numpy(channels: int) -> None:
    rows = make_rows(700, channels)
    image = rows.image.copy()
    image[:300] //= 3
    soft_label = rows.soft_label.copy()
    soft_label[:40] = (0, 1, 0)
    rows = dataclasses.replace(rows, image=image, soft_label=soft_label)
    found = statistics(rows)
    scaled = image / 255
    np.testing.assert_allclose(found.pixel_mean, scaled.mean(axis=(0, 1, 2)), atol=1e-6)
    np.testing.assert_allclose(found.pixel_deviation, scaled.std(axis=(0, 1, 2)), atol=1e-6)
    assert list(found.labels) == ["original", "vae"]
    original = rows.method == "original"
    assert found.labels["original"].mixed == original.sum() - 40
    for method, own in (("original", original), ("vae", ~original)):
        share = soft_label[own].max(axis=1).astype(float).mean()
        assert found.labels[method].largest_share == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("cuts", [(1,), (256, 257), (10, 400, 699)])
def test_shards_do_not_matter(cuts: tuple[int, ...]) -> None:
    rows = make_rows(700)
    edges = [0, *cuts, 700]
    parts = [rows_from(rows, start, stop) for start, stop in pairwise(edges)]
    assert statistics(*parts) == statistics(rows)


def test_rows_that_equal_an_earlier_one_are_counted(rows: Rows) -> None:
    again = rows_from(rows, 2, 5)
    other_label = dataclasses.replace(again, soft_label=again.soft_label[:, ::-1])
    assert statistics(rows).repeats == 0
    assert statistics(rows, again, again).repeats == 6
    assert statistics(rows, other_label).repeats == 0


def test_sums_go_through_json(rows: Rows) -> None:
    sums = sums_of(rows)
    kept = TypeAdapter(Sums)  # as a shard's record keeps them
    assert kept.validate_json(kept.dump_json(sums)) == sums
    with pytest.raises(ValidationError):
        kept.validate_python({"pixels": 1})


def test_no_sum_overflows() -> None:
    rows = make_rows(600, 1)
    white = dataclasses.replace(rows, image=np.full((600, 40, 40, 1), 255, dtype=np.uint8))
    found = statistics(white)
    assert (found.pixel_mean, found.pixel_deviation) == ([1.0], [0.0])
