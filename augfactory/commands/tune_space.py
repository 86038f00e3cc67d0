"""What `augfactory tune` chooses from: recipes that differ in one thing each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from augfactory.pipeline.composition import MIXED
from augfactory.pipeline.recipe import MixStage, mix_stage

DEFAULT = "default"
NO_GENERATION = "no-generation"


@dataclass(frozen=True)
class Candidate:
    """A recipe to try.

    ``geometry`` and ``vae`` hold what is not left to the defaults, ``vae`` None makes it without a
    model; ``mix`` None is the default's. ``words`` say what it does.
    """

    name: str
    words: str
    geometry: Mapping[str, Any] = field(default_factory=dict)
    vae: Mapping[str, Any] | None = None
    mix: tuple[MixStage, ...] | None = None


def candidates(channels: int, *, with_vae: bool) -> tuple[Candidate, ...]:
    """Return all recipes for grey (1 channel) or coloured (3) images, the default first."""
    presets = ("clothes", "texture") if channels == 1 else ("clothes", "texture", "digits")
    found = [
        Candidate(DEFAULT, "the default without a model: half geometry, half mixup of two"),
        Candidate("geometry", "geometry alone, nothing mixed", mix=()),
        *(
            Candidate(f"preset-{name}", f"the default, varied as {name}", {"preset": name})
            for name in presets
        ),
        Candidate("elastic", "the default, bent as well", {"elastic_alpha": 30.0}),
        Candidate("mixup-more", "nine tenths mixup", mix=(_among("mixup", 0.9),)),
        Candidate("mixup-even", "half mixup, in even shares", mix=(_among("mixup", MIXED, 1.0),)),
        Candidate(
            "cutmix", "a quarter mixup, a quarter CutMix",
            mix=(_among("mixup", MIXED / 2), _among("cutmix", MIXED / 2)),
        ),
        Candidate(
            "ricap", "a quarter mixup, a quarter RICAP",
            mix=(_among("mixup", MIXED / 2), _among("ricap", MIXED / 2)),
        ),
        Candidate(
            "augmix", "a quarter mixup, a quarter AugMix",
            mix=(_among("mixup", MIXED / 2), _among("augmix", MIXED / 2)),
        ),
    ]  # fmt: skip
    if with_vae:
        found += [
            Candidate("vae", "the default with a model", vae={}),
            Candidate(
                "vae-residual", "a half decoded, as changes to the real images",
                vae={"share": 0.5, "decode": "residual"},
            ),
        ]  # fmt: skip
    return tuple(found)


def _among(method: str, share: float, alpha: float | None = None) -> MixStage:
    parameters = {} if alpha is None else {"alpha": alpha}
    origin = "originals" if method == "augmix" else "expanded"
    return mix_stage("the space of tune", method, 0, origin, parameters, share)  # type: ignore[arg-type]
