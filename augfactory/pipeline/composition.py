"""What a dataset is made of where nothing is said: the best that was measured.

The measurements stand in docs/experiments.md under "What a default set is made of".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augfactory.errors import RecipeError
from augfactory.pipeline.recipe import MixStage, VaeStage, mix_stage
from augfactory.pipeline.recipe_text import vae_asked

MIXED = 0.5  # of the further images
# Of the further images that are no mixtures; by channels.
DECODED: dict[int, dict[str, Any]] = {
    1: {"share": 0.25, "decode": "full"},
    3: {"share": 0.25, "decode": "residual"},
}


@dataclass(frozen=True)
class Composition:
    """What the further images are made by; ``vae`` counts only where there is a model."""

    vae: VaeStage
    mix: tuple[MixStage, ...]
    distinct: bool


def composed(
    vae: Mapping[str, Any],
    mix: tuple[MixStage, ...] | None,
    distinct: bool | None,
    *,
    varied: bool,
    channels: int,
) -> Composition:
    """Fill in what was not asked for.

    ``vae`` holds what ``[vae]`` says, ``mix`` is None where nothing says what is mixed, ``varied``
    tells whether geometry takes part. Without geometry all is decoded and nothing is mixed: both
    would repeat the originals.

    Raises:
        RecipeError: without geometry only a share is to be decoded, or a value is out of range.
    """
    default = DECODED[channels] if varied else {}
    stage = vae_asked("[vae]", {**default, **vae})
    if not varied and stage.share < 1:
        raise RecipeError(
            "[vae]: share",
            f"{stage.share:g} of the images are decoded, and without geometry nothing makes the "
            "others",
            "Leave the share out, or --no-geometry.",
        )
    if mix is not None:
        return Composition(stage, mix, bool(distinct))
    blends = (mix_stage("the default", "mixup", 0, "expanded", {}, MIXED),) if varied else ()
    return Composition(stage, blends, distinct is not False)
