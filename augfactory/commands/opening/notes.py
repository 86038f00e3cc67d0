"""What is worth a word about the source rows that images are made or learnt from."""

from pathlib import Path

import numpy as np

from augfactory.commands.progress import Progress
from augfactory.evaluation.classifiers.registry import CLASSIFIERS
from augfactory.guarded.text import escaped
from augfactory.pipeline.recipes.composition import ENOUGH_ROWS, FACTORS, MOST_BYTES
from augfactory.pipeline.recipes.content import ANY_WAY, Looks, look_at, looks_of, preset_for
from augfactory.records import Int64Array, Source
from augfactory.sources.opening import split_suffix
from augfactory.store.manifest import read_manifest
from augfactory.store.reader import open_version
from augfactory.store.versions import find_version, looks_like_version
from augfactory.vae.networks.names import LABEL_BLIND

FEW_IMAGES = 5
MOST_NAMED = 10
SMALL = 64  # pixels: of smaller images networks that know ImageNet read little
UNEVEN = 3  # times as many images of the largest class as of the smallest
MEASURED_FEW = {  # by preset: what was measured of mixed rows, in docs/experiments.md
    "photo": "photographs: of 90 and of 500, --factor 250 was about two points above --factor 50",
    "clothes": "such images: of 100 clothes, --factor 250 was a point above --factor 50",
}
LOOKS: dict[Looks, str] = {
    "in colour": "in colour",
    "drawn": "drawings in one ink",
    "on one ground": "grey, on one ground",
    "photographed": "grey photographs, by their edges",
}


def few_images(source: Source) -> str | None:
    """Name the classes with fewer than ``FEW_IMAGES`` images; None where there is no such class."""
    counts = np.bincount(source.labels, minlength=len(source.class_names))
    few = np.flatnonzero(counts < FEW_IMAGES).tolist()
    if not few:
        return None
    named = ", ".join(
        f"{source.class_names[label]} ({counts[label]})" for label in few[:MOST_NAMED]
    )
    more = f" and {len(few) - MOST_NAMED:,} more classes" if len(few) > MOST_NAMED else ""
    least = min(few, key=lambda label: (counts[label] == 0, counts[label]))
    images = "1 image" if counts[least] == 1 else f"{counts[least]} images"
    derives = (
        f"; all that is made for {source.class_names[least]} derives from {images}"
        if counts[least]
        else ""
    )
    return f"warning: fewer than {FEW_IMAGES} images of {named}{more}{derives}"


def uneven_classes(source: Source) -> str | None:
    """Say how uneven the classes are, and what evens them out; None where they hardly are."""
    counts = np.bincount(source.labels, minlength=len(source.class_names))
    counts = np.where(counts > 0, counts, counts.max())
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] < UNEVEN * counts[least]:
        return None
    names = source.class_names
    return (
        f"note: classes are uneven: {escaped(names[most])} has {counts[most]:,} images, "
        f"{escaped(names[least])} {counts[least]:,}. `expand --balance` makes as many rows of each "
        "class as of the largest, --per-class N exactly N of each; with a loss that weighs the "
        "classes, neither is needed"
    )


def few_mixed_rows(preset: str, rows: int, factor: int, image_bytes: int) -> str | None:
    """Say that the mixed ``rows`` of ``factor`` are few, and what is enough.

    None where they are enough, or where nothing was measured of the preset. ``image_bytes`` are
    those of the pixels of a row.
    """
    if preset not in MEASURED_FEW:
        return None
    wanted = FACTORS[-1]  # what was measured; nothing between was
    if factor >= wanted or rows >= ENOUGH_ROWS[preset]:
        return None
    size = rows / factor * wanted * image_bytes
    online = "vary them while you train (`augfactory.online`), which stores nothing"
    what = f"take --factor {wanted}, or {online}"
    if size > MOST_BYTES:
        what = f"--factor {wanted} would take {size / 2**30:,.0f} GiB: {online}"
    return f"note: {rows:,} rows are few for {MEASURED_FEW[preset]}. Here {what}"


def suited_preset(source: Source, progress: Progress) -> str:
    """Choose how images may be varied by what they tell of it, and say so."""
    preset, why = preset_and_why(source)
    progress.say(
        f"images are varied as {preset}: {why}. --preset chooses another way "
        "(digits, photo, clothes, texture, none)"
    )
    return preset


def preset_and_why(source: Source) -> tuple[str, str]:
    """Return how images may be varied by what they tell of it, and what that is, for people."""
    content, looks = look_at(source), looks_of(source)
    told = "too few or too unlike each other to tell more" if content is None else content.words
    preset = preset_for(looks, content)
    if preset != "texture" and content is not None and content.any_way >= ANY_WAY:
        told += ", too uncertain to turn them any way (texture)"
    return preset, f"they are {LOOKS[looks]}, and {told}"


def small_for_weights(
    classifier: str, weights: Path | None, image_shape: tuple[int, int, int]
) -> str | None:
    """Say that images are small for a classifier's published ``weights``; None if they are not."""
    side = min(image_shape[:2])
    if weights is None or side >= SMALL:
        return None
    if classifier in CLASSIFIERS or weights.suffix == ".safetensors":
        return None  # learnt here, from images of any size
    return (
        f"Published weights of {classifier} were learnt from larger images than yours of {side} "
        "pixels, and tell little of them: of CIFAR-10's photographs, 50 a class, the last layer "
        "of a network that knows ImageNet learnt 37 % at 32 pixels and 64 % when these were "
        "enlarged to 96. Expand with --size 96 or 128."
    )


def decoding(architecture: str, sampler: str, *, learnt_varied: bool, geometry: bool) -> list[str]:
    """Tell what a model that does not know classes, or varied images, means for what it decodes.

    ``learnt_varied`` says whether the images were varied while it learned, ``geometry`` whether
    the dataset's are.
    """
    notes = []
    if sampler == "same-class" and architecture in LABEL_BLIND:
        notes.append(
            f"warning: the model's network, {architecture}, is not given the class, so that moves "
            "between two images of a class can leave it; --sampler posterior stays at each image"
        )
    if geometry and not learnt_varied:
        notes.append(
            "the model learnt from images as they are, so its rows are decoded from images as they "
            "are; geometry varies the other rows alone (the manifest says so: recipe.vae.varied)"
        )
    return notes


def made_rows(text: str, rows: Int64Array) -> str | None:
    """Tell how many of ``rows`` of the dataset version ``text`` are no originals there.

    None where there are none, or where the SOURCE ``text`` is not a dataset version.
    """
    name = text if looks_like_version(text) else split_suffix(text)[0]
    if not looks_like_version(name):
        return None
    folder = find_version(name)
    manifest = read_manifest(folder)
    if set(manifest.counts) <= {"original"}:
        return None
    made = int((open_version(folder).methods[rows] != "original").sum())
    if not made:
        return None
    return (
        f"note: {manifest.address} is a dataset version: its {len(rows):,} rows, "
        f"{made:,} made ones among them, count as originals here"
    )
