"""What `augfactory tune` chooses from: recipes that differ in one thing each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augfactory.guarded.validation import checked
from augfactory.methods.geometry import PRESETS
from augfactory.pipeline.recipes.composition import Variation, default_mix
from augfactory.pipeline.recipes.recipe_file import AskedRecipe

DEFAULT = "default"
# What the presets are for: strokes are none in photographs, and drawings have no light to change.
DRAWINGS = ("digits",)
PHOTOGRAPHS = ("photo", "texture")
Said = tuple[str, str, dict[str, Any]]  # name, words, keys of a recipe


@dataclass(frozen=True)
class Candidate:
    """A recipe to try, and words for what it does; with its ``vae`` None it needs no model."""

    name: str
    words: str
    recipe: AskedRecipe


def candidates(preset: str, variation: Variation, *, with_vae: bool) -> tuple[Candidate, ...]:
    """Return all recipes for images that ``preset`` suits, the default first.

    ``variation`` is how the default varies them besides; a recipe that says nothing of it does so
    too.
    """
    mix = default_mix(preset)
    further = f", {variation.words}" if variation.vary else ""
    mixed = ", half mixup" if mix else ""
    found: list[Said] = [
        (
            DEFAULT,
            f"the default without a model: geometry as for {preset}{further}{mixed}",
            {"mix": mix},
        ),
        *(
            (
                f"preset-{name}",
                f"geometry as for {name}",
                {"geometry": {"preset": name}, "vary": ()},
            )
            for name in PRESETS
            if name not in (preset, "none")
        ),
        ("mixup-quarter", "a quarter mixup", _among("mixup", 0.25)),
        ("geometry-alone", "geometry alone", {"vary": ()})
        if mix
        else ("mixup-half", "half mixup", _among("mixup")),
        ("mixup-more", "nine tenths mixup", _among("mixup", 0.9)),
        ("mixup-even", "half mixup, in even shares", _among("mixup", alpha=1.0)),
        ("cutmix", "half CutMix", _among("cutmix")),
        ("ricap", "half RICAP", _among("ricap")),
        ("augmix", "half AugMix", _among("augmix")),
        ("erasing", "half with a box erased", _half("erasing", variation)),
        ("trivial", "half TrivialAugment", _half("trivialaugment", variation)),
        *_randaugment(mix, variation),
        ("crop", "half cropped out of padded images", _half("crop", variation)),
        ("grid", "half grids of two of a class", _among("grid")),
    ]
    found += _bends_and_strokes(preset, variation)
    if preset in PHOTOGRAPHS:
        found.append(("jitter", "half in other colours and light", _half("jitter", variation)))
    if with_vae:
        found += _decoded(mix)
    return tuple(
        Candidate(name, words, _recipe(preset, variation, said)) for name, words, said in found
    )


def _randaugment(mix: Any, variation: Variation) -> list[Said]:
    """Return RandAugment or, where the default has it, less of it; ``mix`` is the default's."""
    if not any(stage.method == "randaugment" for stage in variation.vary):
        return [("randaugment", "half RandAugment", _half("randaugment", variation))]
    weaker = {"method": "randaugment", "operations": 2, "magnitude": 9}
    return [
        ("randaugment-less", "half mixup, two weaker changes", {"vary": (weaker,), "mix": mix}),
        ("no-randaugment", "half mixup, no RandAugment", {"vary": (), "mix": mix}),
        ("no-mixtures", "the default without mixtures", {}),
    ]


def _bends_and_strokes(preset: str, variation: Variation) -> list[Said]:
    """Return the ways of bending images, and of changing the strokes of drawings."""
    bent = {"geometry": variation.geometry or {"elastic_alpha": 30.0}}
    if variation.geometry:
        return [
            ("plain", "geometry as for digits and no more", {"geometry": {}, "vary": ()}),
            ("elastic", "geometry, bent as well", {**bent, "vary": ()}),
            ("stroke", "geometry, in thicker or thinner strokes", {"geometry": {}}),
        ]
    found: list[Said] = [("elastic", "geometry, bent as well", bent)]
    if preset in DRAWINGS:
        words = "half in thicker or thinner strokes"
        found.append(("stroke", words, _half("stroke", variation)))
    return found


def _decoded(mix: Any) -> list[Said]:
    """Return the ways of using a model; ``mix`` is the default's."""
    residual = {"share": 0.5, "decode": "residual"}
    return [
        ("vae", "the default with a model", {"vae": {}, "mix": mix}),
        (
            "vae-mixup",
            "half mixup, a quarter of the rest decoded",
            {"vae": {}, **_among("mixup")},
        ),
        ("vae-residual", "half decoded, as changes to the real images", {"vae": residual}),
    ]


def _recipe(preset: str, variation: Variation, said: Mapping[str, Any]) -> AskedRecipe:
    geometry = {"preset": preset, **said.get("geometry", variation.geometry)}
    asked = {"vary": variation.vary, **said, "geometry": geometry}
    said = {**asked, "distinct": bool(said.get("mix"))}
    return checked(AskedRecipe, said, "the space of tune")


def _half(method: str, variation: Variation) -> dict[str, Any]:
    return {"vary": (*variation.vary, {"method": method, "share": 0.5})}


def _among(method: str, share: float = 0.5, **parameters: float) -> dict[str, Any]:
    return {"mix": [{"method": method, "share": share, **parameters}]}
