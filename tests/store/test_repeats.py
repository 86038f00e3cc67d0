"""Repeats are counted exactly, also where words go to files and are read range by range."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from augfactory.store import repeats


@pytest.mark.parametrize("run", [100, 1000, 10**6])
def test_repeats_are_those_of_a_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: int
) -> None:
    monkeypatch.setattr(repeats, "LEAST_RUN", run)
    random = np.random.default_rng(0)
    different = [random.bytes(32) for _ in range(1700)]
    # Twice in a run, twice apart, and one that would fill any range: a set of blank images.
    rows = [*different, *different[:40], *different[1600:], *different[5:6] * 900]
    rows = [rows[place] for place in random.permutation(len(rows))]
    counted = repeats.Repeats(len(rows), tmp_path)
    for start in range(0, len(rows), 64):
        counted.add(b"".join(rows[start : start + 64]))
    assert counted.count() == sum(number - 1 for number in Counter(rows).values()) == 1040
    assert bool(list(tmp_path.iterdir())) == (run < len(rows))
