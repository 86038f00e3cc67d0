"""Which rows of a version each of its files holds."""

import re
from pathlib import PurePosixPath

from pydantic import ValidationError

from augfactory.pipeline import plan as planning
from augfactory.pipeline.recipe import Recipe
from augfactory.store import png
from augfactory.store.manifest import Manifest

SHARD_FOLDERS = ("shards", "data")


def shard_ranges(manifest: Manifest) -> list[planning.Section]:
    """Return the rows of each shard; none where the manifest's recipe cannot tell."""
    try:
        recipe = Recipe.model_validate(manifest.recipe)
    except ValidationError:
        return []
    ranges = planning.shard_ranges(recipe, len(manifest.source.rows), manifest.image_shape)
    return ranges if ranges[-1].stop == manifest.rows else []


def rows_of_files(manifest: Manifest) -> dict[str, tuple[int, int]]:
    """Return (first row, last row) of each file that holds images.

    A file of a PNG tree is named after its row, any other after the number of its shard.
    """
    ranges = shard_ranges(manifest)
    found = {}
    for entry in manifest.files:
        path = PurePosixPath(entry.path)
        numbers = re.findall(r"\d+", path.stem)
        if len(path.parts) < 2 or not numbers:
            continue
        number = int(numbers[0])
        if path.parts[0] == png.FOLDER and path.suffix == ".png":
            found[entry.path] = (number, number)
        elif path.parts[0] in SHARD_FOLDERS and number < len(ranges):
            found[entry.path] = (ranges[number].start, ranges[number].stop - 1)
    return found


def rows_in_words(rows: tuple[int, int]) -> str:
    """Return ``row 5`` or ``rows 5 to 9``."""
    first, last = rows
    return f"row {first}" if first == last else f"rows {first} to {last}"
