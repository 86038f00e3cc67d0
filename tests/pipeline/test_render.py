"""Residual decoding: the real image, and what a move in the latent space changes."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from augfactory.pipeline import draw as drawing
from augfactory.pipeline import plan as planning
from augfactory.pipeline.partners import rows_by_class
from augfactory.pipeline.recipes.recipe import Recipe
from augfactory.pipeline.recipes.stages import Decode, GeometryStage, geometry_stage
from augfactory.pipeline.render import EncodedSource, render_block
from augfactory.records import Float32Array, Source, UInt8Array, one_hot
from augfactory.vae import coding
from tests.pipeline.stages import vae_stage

SHAPE = (6, 9, 3)
LABELS = np.arange(12) % 3
IMAGES = np.random.default_rng(0).integers(0, 256, (12, *SHAPE)).astype(np.uint8)


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code is the mean of each colour; what is decoded of it has that one colour."""

    def encode(
        model: Any, images: UInt8Array, labels: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        means = images.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
        return means, np.full_like(means, 4.0)

    def decode(model: Any, codes: Float32Array, labels: Float32Array) -> UInt8Array:
        pixels = np.broadcast_to(codes[:, None, None], (len(codes), *SHAPE))
        flat: UInt8Array = np.rint(pixels.clip(0, 255)).astype(np.uint8)
        return flat

    monkeypatch.setattr(coding, "encode", encode)
    monkeypatch.setattr(coding, "decode", decode)


def rendered(decode: Decode, geometry: GeometryStage | None, **sampler: float) -> UInt8Array:
    stage = vae_stage("test", "same-class", sampler, 1.0, decode)
    recipe = Recipe(factor=4, geometry=geometry, vae=stage)
    source = Source(
        name="memory",
        split=None,
        class_names=("a", "b", "c"),
        image_shape=SHAPE,
        labels=LABELS,
        read_images=lambda rows: IMAGES[rows],
        read_soft_labels=lambda rows: one_hot(LABELS[rows], 3),
        row_name=str,
    )
    origin = planning.Origin(rows_by_class(LABELS, 3), SHAPE)
    (section,) = planning.sections(recipe, 12)
    (plan,) = drawing.draw_rows(recipe, origin, section)
    model: Any = SimpleNamespace(config=SimpleNamespace(latent=3))
    images, _ = render_block(recipe, plan, source, EncodedSource(source, model), source.read_images)
    return images[12:]


@pytest.mark.parametrize("geometry", [None, geometry_stage("test", {"preset": "photo"})])
def test_without_a_move_it_is_the_image_itself(geometry: GeometryStage | None) -> None:
    found = rendered("residual", geometry, reach=0, temperature=0)
    if geometry is None:
        np.testing.assert_array_equal(found, np.tile(IMAGES, (3, 1, 1, 1)))
    assert (rendered("full", geometry, reach=0, temperature=0).std(axis=(1, 2)) == 0).all()
    assert found.std(axis=(1, 2)).min() > 20


def test_a_move_adds_its_change_to_every_pixel_and_is_clipped() -> None:
    images, still = np.tile(IMAGES, (3, 1, 1, 1)), rendered("full", None, reach=0, temperature=0)
    moved = rendered("full", None, reach=1.0, temperature=5)
    change = moved.astype(int) - still.astype(int)
    assert np.abs(change).max() > 20
    found = rendered("residual", None, reach=1.0, temperature=5)
    np.testing.assert_array_equal(found, np.clip(images.astype(int) + change, 0, 255))
    assert (found == 0).any()
    assert (found == 255).any()
