"""What `augfactory tune` chooses from: recipes that differ in one thing each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augfactory.guarded.validation import checked
from augfactory.methods.geometry import PRESETS
from augfactory.pipeline.composition import default_mix
from augfactory.pipeline.recipe_file import AskedRecipe

DEFAULT = "default"
# What the presets are for: strokes are none in photographs, and drawings have no light to change.
DRAWINGS = ("digits",)
PHOTOGRAPHS = ("photo", "texture")


@dataclass(frozen=True)
class Candidate:
    """A recipe to try, and words for what it does; with its ``vae`` None it needs no model."""

    name: str
    words: str
    recipe: AskedRecipe


def candidates(preset: str, *, with_vae: bool) -> tuple[Candidate, ...]:
    """Return all recipes for images that ``preset`` suits, the default first."""
    mix = default_mix(preset)
    mixed = ", half mixup" if mix else ""
    found: list[tuple[str, str, dict[str, Any]]] = [
        (DEFAULT, f"the default without a model: geometry as for {preset}{mixed}", {"mix": mix}),
        *(
            (f"preset-{name}", f"geometry as for {name}", {"geometry": {"preset": name}})
            for name in PRESETS
            if name not in (preset, "none")
        ),
        ("elastic", "geometry, bent as well", {"geometry": {"elastic_alpha": 30.0}}),
        ("mixup-quarter", "a quarter mixup", _among("mixup", 0.25)),
        ("geometry-alone", "geometry alone", {})
        if mix
        else ("mixup-half", "half mixup", _among("mixup")),
        ("mixup-more", "nine tenths mixup", _among("mixup", 0.9)),
        ("mixup-even", "half mixup, in even shares", _among("mixup", alpha=1.0)),
        ("cutmix", "half CutMix", _among("cutmix")),
        ("ricap", "half RICAP", _among("ricap")),
        ("augmix", "half AugMix", _among("augmix")),
        ("erasing", "half with a box erased", _among("erasing")),
        ("trivial", "half TrivialAugment", _among("trivialaugment")),
        ("randaugment", "half RandAugment", _among("randaugment")),
        ("crop", "half cropped out of padded images", _among("crop")),
        ("grid", "half grids of two of a class", _among("grid")),
    ]
    if preset in DRAWINGS:
        found.append(("stroke", "half in thicker or thinner strokes", _among("stroke")))
    if preset in PHOTOGRAPHS:
        found.append(("jitter", "half in other colours and light", _among("jitter")))
    if with_vae:
        residual = {"share": 0.5, "decode": "residual"}
        words = "half decoded, as changes to the real images"
        found += [
            ("vae", "the default with a model", {"vae": {}, "mix": mix}),
            (
                "vae-mixup",
                "half mixup, a quarter of the rest decoded",
                {"vae": {}, **_among("mixup")},
            ),
            ("vae-residual", words, {"vae": residual}),
        ]
    return tuple(Candidate(name, words, _recipe(preset, said)) for name, words, said in found)


def _recipe(preset: str, said: Mapping[str, Any]) -> AskedRecipe:
    geometry = {"preset": preset, **said.get("geometry", {})}
    said = {**said, "geometry": geometry, "distinct": bool(said.get("mix"))}
    return checked(AskedRecipe, said, "the space of tune")


def _among(method: str, share: float = 0.5, **parameters: float) -> dict[str, Any]:
    return {"mix": [{"method": method, "share": share, **parameters}]}
