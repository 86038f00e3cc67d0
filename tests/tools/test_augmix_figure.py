"""The figure of AugMix' three chains."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.tools.loaded import load_tool

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_tool("augmix_figure")


def test_what_is_shown_mixes_to_what_is_shown(tool: ModuleType) -> None:
    image = np.random.default_rng(0).integers(0, 256, (17, 22, 3), dtype=np.uint8)
    axes = np.reshape(tool.augmix_figure(image).axes, (tool.CHAINS, tool.STEPS + 3))
    shown = [[own.images[0].get_array() for own in row if own.images] for row in axes]
    numbers = tool.drawn(image)
    depth = [int(numbers[f"depth_{number}"]) for number in range(3)]
    assert [len(row) for row in shown] == [depth[0], depth[1] + 3, depth[2]]
    middle = shown[1]
    assert np.array_equal(middle[0], image)
    ends = [shown[0][-1], middle[depth[1]], shown[2][-1]]
    weights = [numbers[f"weight_{number}"] for number in range(3)]
    mixture = sum(weight * np.asarray(end) for weight, end in zip(weights, ends, strict=True))
    assert np.abs(mixture - middle[-2]).max() <= 0.51
    view = (1 - numbers["share"]) * image + numbers["share"] * mixture
    assert np.abs(view - middle[-1]).max() <= 0.51


def test_the_docs_show_it() -> None:
    assert (ROOT / "docs/images/augmix.png").read_bytes().startswith(b"\x89PNG")
    assert "](images/augmix.png)" in (ROOT / "docs/documents.md").read_text(encoding="utf-8")
