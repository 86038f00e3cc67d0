"""What a dataset is made of where nothing is said: the best that was measured.

The measurements stand in docs/experiments.md under "What a default set is made of".
"""

from collections.abc import Mapping
from typing import Any

from augfactory.errors import RecipeError
from augfactory.guarded.validation import checked
from augfactory.pipeline.stages import MixStage, VaeStage, mix_stage

# Of the further images that are not mixtures, with a model; by channels.
DECODED: dict[int, dict[str, Any]] = {
    1: {"share": 0.25, "decode": "full"},
    3: {"share": 0.25, "decode": "residual"},
}

# Of the further images, by preset; for the other presets mixtures cost accuracy, or gain none.
MIXED = {"clothes": 0.5}


def default_mix(preset: str) -> tuple[MixStage, ...]:
    """Return how images are mixed that ``preset`` suits, where nothing is said of mixing."""
    share = MIXED.get(preset)
    if share is None:
        return ()
    return (mix_stage("the default", "mixup", 0, "expanded", {}, share),)


def vae_or_default(asked: Mapping[str, Any], *, varied: bool, channels: int) -> VaeStage:
    """Return the stage that ``[vae]`` asks for, filled in where it is silent.

    ``varied`` tells whether geometry takes part; without it all is decoded, since nothing else
    would make the other images.

    Raises:
        RecipeError: without geometry only a share is to be decoded, or a value is wrong.
    """
    stage = checked(VaeStage, {**(DECODED[channels] if varied else {}), **asked}, "[vae]")
    if not varied and stage.share < 1:
        raise RecipeError(
            "[vae]: share",
            f"{stage.share:g} of the images are decoded, and without geometry nothing makes the "
            "others",
            "Leave the share out, or --no-geometry.",
        )
    return stage
