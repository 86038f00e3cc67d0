"""What a source holds: all of it, in words, as one JSON object, and drawn."""

import math
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from augfactory.commands.opening.look import paragraph
from augfactory.commands.opening.notes import few_images, preset_and_why, uneven_classes
from augfactory.commands.opening.opening import flags_of
from augfactory.commands.progress import Progress
from augfactory.guarded.tables import aligned
from augfactory.pipeline.recipes.composition import large_factor
from augfactory.records import LeftOut, Source, SourceSpec, UInt8Array
from augfactory.report.contact_sheet import contact_sheet
from augfactory.report.figures.letters import drawable
from augfactory.report.figures.source_figures import classes_figure, sizes_figure
from augfactory.report.sheet_layout import Line, Tile
from augfactory.sources.examined import Examined, examine
from augfactory.sources.opening import open_source
from augfactory.store.disk.atomic import make_folders, write_file

TILE, TILES, MOST_LINES = 72, 10, 40  # pixels a side, images of a class, classes of a sheet


@dataclass(frozen=True)
class Inspection:
    """What was found at a SOURCE, and the figures that were written.

    ``preset`` is how ``expand`` would vary the images, ``why`` what they tell of it; None where
    there are none, or where they are there to be tested on.
    """

    spec: SourceSpec
    found: Examined
    left_out: tuple[LeftOut, ...]
    files: tuple[Path, ...]
    preset: str | None = None
    why: str | None = None


def inspect(spec: SourceSpec, out: Path | None, progress: Progress) -> Inspection:
    """Look at every image of a source; draw what was found into the folder ``out``, if any.

    Raises:
        InputDataError: the source is not there, or no set of labelled images.
        ResourceError: a figure cannot be written.
    """
    source = open_source(spec)
    with progress.bar("looking at the images", len(source), "image") as bar:
        found = examine(source, bar.advance)
    files = []
    if out is not None and len(found.sound):
        make_folders([out])
        for name, content in _figures(found).items():
            write_file(out / name, content)
            files.append(out / name)
    preset, why = None, None
    if len(found.sound) and source.split != "test":
        preset, why = preset_and_why(_one_size(found, spec))
    return Inspection(spec, found, source.left_out(), tuple(files), preset, why)


def as_json(inspection: Inspection) -> dict[str, Any]:
    """Return what ``--json`` prints; sizes are [height, width] in pixels."""
    found, source = inspection.found, inspection.found.source
    grey, coloured = found.colours
    height, width, channels = source.image_shape
    return {
        "source": inspection.spec.text,
        "split": source.split,
        "images": len(found.sound),
        "classes": dict(zip(source.class_names, found.counts, strict=True)),
        "read_as": {"height": height, "width": width, "channels": channels},
        "sizes": [
            {"height": size[0], "width": size[1], "images": count}
            for size, count in found.sizes.most_common()
        ],
        "median_side": found.median_side if len(found.sound) else None,
        "colours": {"grey": grey, "rgb": coloured},
        "broken": [vars(item) for item in found.skipped],
        "left_out": [vars(item) for item in inspection.left_out],
        "copies": _names(found, found.copies),
        "across_classes": _names(found, found.across_classes),
        "preset": inspection.preset,
        "why": inspection.why,
        "next": _next(inspection),
        "files": [str(path) for path in inspection.files],
    }


def as_text(inspection: Inspection) -> str:
    """Return what is printed for a person."""
    found, spec, source = inspection.found, inspection.spec, inspection.found.source
    parts = [paragraph(found, spec, listed=True)]
    if source.split is not None and not spec.text.endswith(f":{source.split}"):
        parts.append(f"This is the {source.split} split; a suffix such as :test chooses another.")
    rows = [
        [name, f"{count:,}"] for name, count in zip(source.class_names, found.counts, strict=True)
    ]
    parts.append(aligned([["class", "images"], *rows]))
    sound = source.restricted_to(found.sound)
    parts += [note for note in (few_images(sound), uneven_classes(sound)) if note is not None]
    if inspection.preset is not None:
        parts.append(
            f"expand would vary them as {inspection.preset}: {inspection.why}. Its --preset "
            "chooses another way."
        )
    listed = {
        "Cannot be read": [f"{item.name}: {item.reason}" for item in found.skipped],
        "Left out": [f"{item.name}: {item.reason}" for item in inspection.left_out],
        "In several classes": [" = ".join(names) for names in _names(found, found.across_classes)],
        "Exact copies": [" = ".join(names) for names in _names(found, found.copies)],
    }
    for head, lines in listed.items():
        if lines:
            parts.append("\n".join([f"{head} ({len(lines):,}):", *(f"  {line}" for line in lines)]))
    if inspection.files:
        parts.append("\n".join(map(str, inspection.files)))
    parts.append(f"Next: {_next(inspection)}")
    return "\n\n".join(parts)


def _next(inspection: Inspection) -> str:
    """Return the command that makes a dataset of what was found, or tests one on it."""
    found = inspection.found
    spec = replace(_sized(found, inspection.spec), skip_broken=bool(found.broken))
    if found.source.split == "test":
        return shlex.join(["augfactory", "evaluate", "NAME", "--test", spec.text, *flags_of(spec)])
    words = ["augfactory", "expand", spec.text, *flags_of(spec)]
    shapes = found.shapes[found.sound]
    sides = (int(side) for side in (shapes.max(axis=0)[:2] if spec.size is None else spec.size))
    image_bytes = math.prod(sides) * int(shapes[:, 2].max())
    factor = large_factor(len(found.sound), inspection.preset, image_bytes)
    return shlex.join([*words, "--factor", str(factor), "--out", "NAME"])


def _sized(found: Examined, spec: SourceSpec) -> SourceSpec:
    """Return the spec with a size where images have several and none was asked for."""
    if spec.size is None and len(found.sizes) > 1:
        return replace(spec, size=(found.median_side, found.median_side))
    return spec


def _one_size(found: Examined, spec: SourceSpec) -> Source:
    """Return the images that can be read, all of one size."""
    sized = _sized(found, spec)
    source = found.source if sized == spec else open_source(sized)
    return source.restricted_to(found.sound)


def _names(found: Examined, groups: tuple[tuple[int, ...], ...]) -> list[list[str]]:
    return [[found.source.row_name(row) for row in rows] for rows in groups]


def _figures(found: Examined) -> dict[str, bytes]:
    source = found.source
    sizes = [(size[0], size[1], count) for size, count in found.sizes.items()]
    return {
        "contact-sheet.png": _sheet(found),
        "classes.png": classes_figure(source.name, source.class_names, found.counts),
        "sizes.png": sizes_figure(source.name, sizes, found.median_side),
    }


def _sheet(found: Examined) -> bytes:
    """Return a contact sheet: a line of images, evenly spread, for each class."""
    source, lines = found.source, []
    labels = source.labels[found.sound]
    shown = [label for label, count in enumerate(found.counts) if count]
    for label in shown[:MOST_LINES]:
        own = found.sound[labels == label]
        rows = own[np.unique(np.linspace(0, len(own) - 1, min(TILES, len(own))).astype(int))]
        caption = f"{drawable(source.class_names[label])} ({len(own):,})"
        captions = [caption, *[""] * (len(rows) - 1)]
        tiles = [Tile(_tile(found, row), said) for row, said in zip(rows, captions, strict=True)]
        lines.append(Line((), tuple(tiles)))
    more = f"; {MOST_LINES} of {len(shown):,} classes" if len(shown) > MOST_LINES else ""
    title = f"{source.name}: {len(found.sound):,} images{more}"
    return contact_sheet(title, "", "images of each class, evenly spread", lines)


def _tile(found: Examined, row: int) -> UInt8Array:
    """Return an image as a tile, uint8 [TILE, TILE, 3], small ones as large as they are."""
    source = found.source
    read = source.read_stored
    pixels = source.read_images(np.array([row]))[0] if read is None else read(row)
    grey = pixels.shape[2] == 1
    image = Image.fromarray(pixels[:, :, 0] if grey else pixels).convert("RGB")
    times = min(TILE // image.height, TILE // image.width)
    if times:
        whole = (image.width * times, image.height * times)
        image = image.resize(whole, Image.Resampling.NEAREST)
    else:
        image.thumbnail((TILE, TILE), Image.Resampling.BICUBIC)
    return np.asarray(ImageOps.pad(image, (TILE, TILE), color="white"))
