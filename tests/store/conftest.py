"""Rows to store: images neither square nor alike, labels soft."""

import numpy as np
import pytest

from augfactory.records import Rows


def make_rows(count: int, channels: int = 3, seed: int = 0) -> Rows:
    """Make ``count`` rows of 5×7 pixels and three classes."""
    random = np.random.default_rng(seed)
    shares = random.random((count, 3)).astype(np.float32)
    return Rows(
        image=random.integers(0, 256, (count, 5, 7, channels), dtype=np.uint8),
        soft_label=shares / shares.sum(axis=1, keepdims=True),
        method=np.where(np.arange(count) < count // 3, "original", "vae"),
        round=(np.arange(count) // 4).astype(np.int32),
        view=np.zeros(count, dtype=np.int32),
        source_index=random.integers(-1, count, (count, 2)),
        weight=np.tile(np.array([0.75, 0.25], dtype=np.float32), (count, 1)),
    )


@pytest.fixture
def rows() -> Rows:
    """Return ten colour rows."""
    return make_rows(10)
