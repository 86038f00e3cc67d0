"""What a dataset is made of where nothing is said: the best that was measured.

docs/experiments.md has the measurements, under "What a default set is made of", "Bends and
strokes", "Few photographs, and how large a set", "RandAugment on photographs" and "RandAugment on
clothes".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from augfactory.errors import RecipeError
from augfactory.guarded.validation import checked
from augfactory.pipeline.recipes.content import looks_of
from augfactory.pipeline.recipes.stages import MixStage, VaeStage, mix_stage
from augfactory.pipeline.recipes.vary import VaryStage, vary_stage
from augfactory.records import Source

# Of the further images that are not mixtures, with a model; by channels.
DECODED: dict[int, dict[str, Any]] = {
    1: {"share": 0.25, "decode": "full"},
    3: {"share": 0.25, "decode": "residual"},
}

# Of a classifier that labels unlabelled images, unless these are grey drawings or textures, or it
# starts from weights: what is labelled wrongly is learnt too. On photographs and on clothes it was
# measured.
LABELLING_STEPS = 1_200

# Of the further images, by preset; for the other presets mixtures cost accuracy, or gain none.
MIXED = {"clothes": 0.5, "photo": 0.5}
# Rows of a set with such mixtures, above which more were worth no more: of 500 photographs 125,000
# were two points above 25,000, of 1,000 250,000 were level with 50,000.
ENOUGH_ROWS = {"clothes": 20_000, "photo": 50_000}
ENOUGH_OTHERS = 20_000
MOST_BYTES = 4 * 2**30  # of the pixels of a set whose factor is chosen for its user
# Of a stored set that stands for endless online variation: the first that makes so many rows, else
# the last.
FACTORS = (50, 250)

# Drawings of 28 pixels, which were measured, are bent by about a pixel and their strokes changed by
# up to one. Both are in proportion to the side, within the bounds of the two methods.
DRAWN_AT = 28
LEAST_SCALE, MOST_SCALE = 1 / 8, 8
ELASTIC_ALPHA, ELASTIC_SIGMA = 30.0, 4.0
THICKER, THINNER = 1.0, 0.5

# Chosen among five strengths on photographs of 32 pixels, and of two on clothes of 28.
RANDAUGMENT = {"operations": 3, "magnitude": 15}
# Of a method whose name alone is said: its parameters, where others were measured to be better.
STRENGTHS: dict[str, dict[str, Any]] = {"randaugment": RANDAUGMENT}
RANDAUGMENTED = {  # by preset: what images are, and on which it helped
    "photo": ("they are photographs", "CIFAR-10"),
    "clothes": ("like clothes", "Fashion-MNIST"),
}
MOST_CLOTHES = 100  # a class, on average: of 10 and 50 it gained, of 200 it cost a point
MANY_CLOTHES = (
    f"RandAugment is left out, since there are more than {MOST_CLOTHES} images a class of what is "
    "varied as clothes: of 200 a class it cost a point on Fashion-MNIST; --vary randaugment adds it"
)


@dataclass(frozen=True)
class Variation:
    """How images are varied besides the geometry of their preset.

    ``geometry`` holds parameters of it that are not the preset's. ``words`` say what is done, such
    as "bent, in thicker or thinner strokes", and ``why`` says it in a sentence, or why nothing is.
    """

    geometry: dict[str, float] = field(default_factory=dict)
    vary: tuple[VaryStage, ...] = ()
    words: str = ""
    why: str = ""


def default_variation(preset: str, source: Source) -> Variation:
    """Return how images of ``source`` are varied where nothing is said but, perhaps, the preset.

    Drawings that the preset "digits" suits are bent, and their strokes changed. Photographs are
    changed by RandAugment, and so is what is varied as clothes, where there is not much of it.
    Other images have geometry alone.
    """
    if preset == "clothes" and len(source) > MOST_CLOTHES * len(source.class_names):
        return Variation(why=MANY_CLOTHES)
    if preset in RANDAUGMENTED:
        return Variation(
            vary=(vary_stage("the default", "randaugment", RANDAUGMENT),),
            words="changed three times by RandAugment",
            why=_why_randaugment(preset, source),
        )
    if preset != "digits" or looks_of(source) != "drawn":
        return Variation()
    scale = min(max(min(source.image_shape[:2]) / DRAWN_AT, LEAST_SCALE), MOST_SCALE)
    bent = {
        "elastic_alpha": round(ELASTIC_ALPHA * scale**2, 2),
        "elastic_sigma": round(ELASTIC_SIGMA * scale, 2),
    }
    strokes = {"thicker": round(THICKER * scale, 2), "thinner": round(THINNER * scale, 2)}
    return Variation(
        bent,
        (vary_stage("the default", "stroke", strokes),),
        words="bent, in thicker or thinner strokes",
        why="they are drawings: further images are also bent, and their strokes made thicker or "
        "thinner, which helped on digits; --vary none leaves it at turns, shifts and the like",
    )


def _why_randaugment(preset: str, source: Source) -> str:
    kind, measured = RANDAUGMENTED[preset]
    grey = source.image_shape[2] == 1
    what, of = ("light", "shade of grey") if grey else ("light, colour", "colour")
    return (
        f"{kind}: further images are also changed three times each by RandAugment, in {what}, "
        f"sharpness or shape, which helped on {measured}; where a {of} decides the class, leave it "
        "out: --vary none"
    )


def default_labelling(
    preset: str | None, channels: int, *, from_weights: bool = False
) -> dict[str, int]:
    """Return how long classifiers learn that label images, where nothing is said.

    ``preset`` is None where images are not varied by geometry; ``from_weights`` tells that they
    start from a file.
    """
    long = (channels == 3 or preset in ("photo", "clothes")) and not from_weights
    return {"steps": LABELLING_STEPS if long else LABELLING_STEPS // 3}


def large_factor(originals: int, preset: str | None, image_bytes: int) -> int:
    """Return how many images to make of each of ``originals``, for a set that is large enough.

    ``preset`` says how they are varied, None where it is not known. ``image_bytes`` are those of
    the pixels of an image: the set takes no more than ``MOST_BYTES``, or has the least of
    ``FACTORS``.
    """
    enough = ENOUGH_ROWS.get(preset or "", ENOUGH_OTHERS)
    fitting = [each for each in FACTORS if each * originals * image_bytes <= MOST_BYTES]
    factors = fitting or FACTORS[:1]
    return next((factor for factor in factors if factor * originals >= enough), factors[-1])


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
