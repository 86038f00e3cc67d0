"""A contact sheet of what a method makes of a source, without a dataset."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from augfactory.errors import RecipeError, one_of
from augfactory.methods.registry import METHODS
from augfactory.pipeline.draw import draw_rows
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.plan import Origin, chosen, join, sections
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import geometry_stage, mix_stage
from augfactory.pipeline.render import render_block
from augfactory.pipeline.sides import check_sides
from augfactory.records import Source, SourceSpec
from augfactory.report.contact_sheet import contact_sheet
from augfactory.report.sheet_layout import Line, Tile
from augfactory.sources.choosing.subset import stratified_rows
from augfactory.sources.opening import open_source
from augfactory.store.disk.atomic import write_file

LINES, TILES = 6, 6
IMAGES = LINES * TILES
BOUNDARY = ("mix1_boundary_row", "mix1_boundary_column")  # told above each image
SCOPES = (("batch", "one boundary for a batch"), ("sample", "a boundary for each image"))


def write_method_sheet(
    name: str, spec: SourceSpec, out: Path, parameters: Mapping[str, Any], seed: int
) -> int:
    """Write what the method makes of 36 images, evenly from the classes, to ``out``.

    Each line has six images on the left and what was made of each, mixed with others, on the right.
    A method that can draw once a batch has each line as a batch: on the left with one draw for all,
    on the right with a draw for each image. Returns the number of images made.

    Raises:
        RecipeError: there is no such method, or a parameter is wrong.
        InputDataError: the source cannot be used.
    """
    one_of("--sheet", "method", name, list(METHODS))
    opened = open_source(spec)
    count = min(IMAGES, len(opened))
    order = np.random.default_rng(seed).permutation(count)  # each line of several classes
    source = opened.restricted_to(stratified_rows(opened.labels, count, seed)[order]).in_memory()
    check_sides([METHODS[name]], source.image_shape, name)
    scoped = "scope" in METHODS[name].parameters.model_fields
    if scoped and "scope" in parameters:
        raise RecipeError("--set scope", "the sheet shows both", "Leave it out.")
    if scoped:
        heads = [head for _, head in SCOPES]
        own = {**parameters, "batch_size": TILES}
        made = [_made(name, source, {**own, "scope": scope}, seed) for scope, _ in SCOPES]
    else:
        heads = ["what there was", f"what {name} made of it"]
        made = [_originals(source), _made(name, source, parameters, seed)]
    said = ", ".join(f"{key} {value}" for key, value in parameters.items())
    lines = [
        Line(*(tuple(tiles[start : start + TILES]) for tiles in made))
        for start in range(0, count, TILES)
    ]
    write_file(out, contact_sheet(f"{name} {said}".strip(), heads[0], heads[1], lines))
    return len(made) * count if scoped else count


def _originals(source: Source) -> list[Tile]:
    rows = np.arange(len(source))
    names = [source.class_names[label] for label in source.labels.tolist()]
    return [Tile(*pair) for pair in zip(source.read_images(rows), names, strict=True)]


def _made(name: str, source: Source, parameters: Mapping[str, Any], seed: int) -> list[Tile]:
    """Return one image made of each of the source, with its label shares."""
    if name == "geometry":
        recipe = Recipe(factor=2, seed=seed, geometry=geometry_stage("--set", parameters))
    else:
        stage = mix_stage("--set", name, 1, "originals", parameters)
        recipe = Recipe(factor=1, seed=seed, mix=(stage,))
    count = len(source)
    section = sections(recipe, count)[-1]
    if name == "geometry":
        section = replace(section, start=count)  # the first round is the originals
    origin = Origin(rows_by_class(source.labels, len(source.class_names)), source.image_shape)
    whole = replace(section, start=sections(recipe, count)[section.stage].start)
    plan = join(list(draw_rows(recipe, origin, whole)))
    plan = chosen(plan, np.arange(section.start - whole.start, section.stop - whole.start))
    images, labels = render_block(recipe, plan, source, None, source.read_images)
    places = [plan.draws[column].tolist() for column in BOUNDARY if column in plan.draws]
    said = [f"{row:.0f}, {column:.0f}" for row, column in zip(*places, strict=True)] or [""] * count
    return [
        Tile(image, words, tuple(own.tolist()))
        for image, words, own in zip(images, said, labels, strict=True)
    ]
