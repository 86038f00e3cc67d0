"""What a row costs in memory while a version is made and verified: next to nothing."""

import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augfactory.commands.expand import build as building
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.versions.verify import verify
from augfactory.records import SourceSpec
from augfactory.store import repeats
from tests.faults.counting import only_full

SHARD_ROWS, FEW, MANY = 256, 10, 50
MOST_OF_A_ROW = 30  # bytes, the figures of its shard among them; whole columns take 260


def peak(work: Callable[[], object]) -> int:
    """Return the most bytes that the work had allocated at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("storage", ["hdf5", pytest.param("parquet", marks=only_full)])
def test_memory_grows_little_with_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    monkeypatch.setattr("augfactory.pipeline.plan.SHARD_ROWS", SHARD_ROWS)
    monkeypatch.setattr(repeats, "LEAST_RUN", 512)
    monkeypatch.setattr("augfactory.commands.versions.verifying.held_rows.LEAST_RUN", 512)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (64, 4, 5, 3), dtype=np.uint8)
    np.savez(tmp_path / "s.npz", images=images, labels=np.arange(64) % 10)
    publish, peaks = building.publish, list[int]()

    def traced(*given: Any) -> Path:
        made = list[Path]()
        peaks.append(peak(lambda: made.append(publish(*given))))
        return made[0]

    monkeypatch.setattr(building, "publish", traced)
    spec, rows, verified = SourceSpec(str(tmp_path / "s.npz")), list[int](), list[int]()
    for factor in (2, FEW, MANY):  # the first loads what is loaded once
        # Twice: a thread of an earlier test in this process may allocate beside it once.
        for name in ("d", "again"):
            request = ExpandRequest(spec, tmp_path / name, (factor,), mix=(), format=storage)
            (made,) = expand(request, Progress())
        peaks.append(min(peaks.pop(), peaks.pop()))
        rows.append(made.rows)
        once, again = (peak(partial(verify, str(made.path), Progress())) for _ in range(2))
        verified.append(min(once, again))
    assert len(peaks) == 3
    more = rows[2] - rows[1]
    assert more == 64 * (MANY - FEW)
    assert peaks[2] - peaks[1] < MOST_OF_A_ROW * more
    assert verified[2] - verified[1] < MOST_OF_A_ROW * more
