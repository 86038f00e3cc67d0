"""What `augfactory tune` chooses from: recipes that differ in one thing each."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from augfactory.methods.geometry import PRESETS
from augfactory.pipeline.composition import default_mix
from augfactory.pipeline.stages import MixStage, default_origin, mix_stage

DEFAULT = "default"
# What the presets are for: strokes are none in photographs, and drawings have no light to change.
DRAWINGS = ("digits",)
PHOTOGRAPHS = ("photo", "texture")


@dataclass(frozen=True)
class Candidate:
    """A recipe to try.

    ``geometry`` and ``vae`` hold what is not left to the defaults, ``vae`` None makes it without a
    model. ``words`` say what it does.
    """

    name: str
    words: str
    geometry: Mapping[str, Any] = field(default_factory=dict)
    vae: Mapping[str, Any] | None = None
    mix: tuple[MixStage, ...] = ()


def candidates(preset: str, *, with_vae: bool) -> tuple[Candidate, ...]:
    """Return all recipes for images that ``preset`` suits, the default first."""
    mix = default_mix(preset)
    mixed = ", half mixup" if mix else ""
    found = [
        Candidate(
            DEFAULT, f"the default without a model: geometry as for {preset}{mixed}", mix=mix
        ),
        *(
            Candidate(f"preset-{name}", f"geometry as for {name}", {"preset": name})
            for name in PRESETS
            if name not in (preset, "none")
        ),
        Candidate("elastic", "geometry, bent as well", {"elastic_alpha": 30.0}),
        Candidate("mixup-quarter", "a quarter mixup", mix=(_among("mixup", 0.25),)),
        Candidate("geometry-alone", "geometry alone")
        if mix
        else Candidate("mixup-half", "half mixup", mix=(_among("mixup", 0.5),)),
        Candidate("mixup-more", "nine tenths mixup", mix=(_among("mixup", 0.9),)),
        Candidate("mixup-even", "half mixup, in even shares", mix=(_among("mixup", 0.5, 1.0),)),
        Candidate("cutmix", "half CutMix", mix=(_among("cutmix", 0.5),)),
        Candidate("ricap", "half RICAP", mix=(_among("ricap", 0.5),)),
        Candidate("augmix", "half AugMix", mix=(_among("augmix", 0.5),)),
        Candidate("erasing", "half with a box erased", mix=(_among("erasing", 0.5),)),
        Candidate("trivial", "half TrivialAugment", mix=(_among("trivialaugment", 0.5),)),
        Candidate("randaugment", "half RandAugment", mix=(_among("randaugment", 0.5),)),
        Candidate("crop", "half cropped out of padded images", mix=(_among("crop", 0.5),)),
        Candidate("grid", "half grids of two of a class", mix=(_among("grid", 0.5),)),
    ]
    if preset in DRAWINGS:
        strokes = (_among("stroke", 0.5),)
        found.append(Candidate("stroke", "half in thicker or thinner strokes", mix=strokes))
    if preset in PHOTOGRAPHS:
        jittered = (_among("jitter", 0.5),)
        found.append(Candidate("jitter", "half in other colours and light", mix=jittered))
    if with_vae:
        found += [
            Candidate("vae", "the default with a model", vae={}, mix=mix),
            Candidate(
                "vae-mixup", "half mixup, a quarter of the rest decoded", vae={},
                mix=(_among("mixup", 0.5),),
            ),
            Candidate(
                "vae-residual", "half decoded, as changes to the real images",
                vae={"share": 0.5, "decode": "residual"},
            ),
        ]  # fmt: skip
    return tuple(replace(one, geometry={"preset": preset, **one.geometry}) for one in found)


def _among(method: str, share: float, alpha: float | None = None) -> MixStage:
    parameters = {} if alpha is None else {"alpha": alpha}
    return mix_stage("the space of tune", method, 0, default_origin(method), parameters, share)
