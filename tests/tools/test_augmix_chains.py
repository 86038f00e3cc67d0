"""The figure of AugMix's chains shows what AugMix does."""

import importlib.util
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augfactory.methods import augmix
from augfactory.methods.augmix import AugmixParameters
from tests.evaluation.memory import patterns

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> Any:
    """Load tools/augmix_chains.py, which is not part of any package."""
    place = ROOT / "tools/augmix_chains.py"
    spec = importlib.util.spec_from_file_location("augmix_chains", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for the types of their fields
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(5))
def test_the_chains_that_are_drawn_add_up_to_the_image(tool: Any, seed: int) -> None:
    image, parameters = patterns("a", 3)[0][2], AugmixParameters(severity=8)
    draws = tool.drawn(parameters, (9, 6, 3), seed)
    share, chains = tool.chains_of(parameters, image, draws)
    assert sum(chain.weight for chain in chains) == pytest.approx(1)
    assert all(1 <= len(chain.steps) <= 3 for chain in chains)
    mixture = sum(chain.weight * chain.steps[-1][1] for chain in chains)
    expected = (1 - share) * image + share * mixture
    made = augmix.apply(parameters, image[None, None], draws)[0]
    np.testing.assert_allclose(made, expected, atol=0.52)


def test_the_figure_is_a_picture_of_its_size(tool: Any) -> None:
    png = tool.figure_of(AugmixParameters(), patterns("a", 3)[0][2], 0)
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.size == (tool.WIDTH, tool.HEIGHT)
