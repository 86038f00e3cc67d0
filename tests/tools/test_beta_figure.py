"""The figure of Beta(α, α) in the docs."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

from tests.tools.loaded import load_tool

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_tool("beta_figure")


def test_the_drawn_shares_are_those_of_the_distribution(tool: ModuleType) -> None:
    left, right = tool.beta_figure().axes
    assert [line.get_label() for line in left.lines] == [f"α = {alpha:g}" for alpha in tool.ALPHAS]
    for alpha, line in zip(tool.ALPHAS, right.lines, strict=True):
        other, share = line.get_data()
        for least in (1, 10, 25, 40):
            expected = 100 * (1 - 2 * stats.beta.cdf(least / 100, alpha, alpha))
            found = share[np.searchsorted(other, least)]
            assert found == pytest.approx(expected, abs=1)


def test_the_docs_show_it() -> None:
    assert (ROOT / "docs/images/beta.png").read_bytes().startswith(b"\x89PNG")
    assert "](images/beta.png)" in (ROOT / "docs/documents.md").read_text(encoding="utf-8")
