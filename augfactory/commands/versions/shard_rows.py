"""Which rows of a version each of its files holds."""

from augfactory.commands.opening.recorded_recipe import recipe_of
from augfactory.pipeline import plan as planning
from augfactory.store.formats.registry import FORMATS
from augfactory.store.formats.shard_names import RowRange
from augfactory.store.manifest import Manifest


def shard_ranges(manifest: Manifest) -> list[planning.Section]:
    """Return the rows of each shard; none where the manifest's recipe cannot tell."""
    try:
        recipe = recipe_of(manifest)
    except ValueError:
        return []
    sources = len(manifest.source.rows)
    most = len(manifest.files) * planning.rows_of_a_shard(manifest.image_shape)
    if planning.count_stored(recipe, sources) != manifest.rows or manifest.rows > most:
        return []
    return planning.stored_ranges(recipe, sources, manifest.image_shape)


def rows_of_files(manifest: Manifest) -> dict[str, RowRange]:
    """Return (first row, last row) of each file that holds images."""
    rows_of = FORMATS[manifest.format].rows_of
    shards = [(section.start, section.stop - 1) for section in shard_ranges(manifest)]
    found = {entry.path: rows_of(entry.path, shards) for entry in manifest.files}
    return {path: rows for path, rows in found.items() if rows is not None}


def rows_in_words(rows: RowRange) -> str:
    """Return ``row 5`` or ``rows 5 to 9``."""
    first, last = rows
    return f"row {first}" if first == last else f"rows {first} to {last}"
