"""What a request leaves to the defaults, and what takes the place of a default."""

from collections.abc import Iterator, Mapping
from typing import Any

from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.composition import default_mix, default_variation
from augfactory.pipeline.recipes.recipe import with_copies
from augfactory.pipeline.recipes.stages import GeometryStage, MixStage, geometry_stage
from augfactory.pipeline.recipes.vary import VaryStage
from augfactory.records import Source


def vary_by_default(
    asked: Mapping[str, Any] | None,
    source: Source,
    geometry: GeometryStage | None,
    progress: Progress,
) -> tuple[tuple[VaryStage, ...], GeometryStage | None]:
    """Return how images are varied where nothing is said of it, and their geometry.

    ``asked`` is what was said of geometry: more than a preset says all of it.
    """
    if geometry is None or not set(asked or {}) <= {"preset"}:
        return (), geometry
    variation = default_variation(str(geometry.parameters["preset"]), source)
    if variation.why:
        progress.say(variation.why)
    if not variation.vary:
        return (), geometry
    stage = geometry_stage("geometry", {**geometry.parameters, **variation.geometry})
    return variation.vary, stage


def mix_by_default(
    geometry: GeometryStage | None,
    largest: int,
    progress: Progress,
    *,
    originals: bool,
    unlabelled: bool,
) -> tuple[MixStage, ...]:
    """Return how images are mixed where nothing is said of it; ``largest`` is the largest factor.

    With ``unlabelled`` images they are not.
    """
    if geometry is None:
        return ()
    preset = str(geometry.parameters["preset"])
    mix = default_mix(preset)
    if mix and unlabelled:
        progress.say("nothing is mixed, as was measured with unlabelled images; --mixup N mixes")
        return ()
    if with_copies(mix, largest, originals=originals):
        progress.say(
            "up to half of the further images are mixtures (mixup), as measured best for "
            f"{preset}; --mixup 0 leaves them out"
        )
    return mix


def replaced(
    by: Mapping[str, str], source: Source, geometry: GeometryStage | None, *, unlabelled: bool
) -> Iterator[str]:
    """Yield a note for each default that something takes the place of.

    ``by`` names what says how images are varied ("vary") or mixed ("mix") in place of it. With
    ``unlabelled`` images nothing is mixed by default.
    """
    if geometry is None:
        return
    preset = str(geometry.parameters["preset"])
    words = default_variation(preset, source).words
    if words and "vary" in by:
        yield f"note: {by['vary']} takes the place of the default: images are not {words}"
    if default_mix(preset) and "mix" in by and not unlabelled:
        yield (
            f"note: {by['mix']} takes the place of the default, by which up to half of the further "
            "images are mixtures (mixup)"
        )
