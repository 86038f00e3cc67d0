"""What images tell of how they may be varied: some are made to bear one change or the other."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augfactory.commands.evaluate.arms import ONLINE_GEOMETRY, ArmsRequest, make_arms
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.content import Content, look_at, preset_for
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import Int64Array, Source, UInt8Array
from augfactory.sources.sample import open_sample
from augfactory.store.reader import open_version
from tests.commands.versions import write_source
from tests.evaluation.memory import memory_source

SHAPE = (24, 30)  # two unequal sides
CLASSES = 4


def pictures(
    symmetric: Callable[[Int64Array], Int64Array], rows: int, channels: int, noise: int = 30
) -> Source:
    """Coarse patterns of four classes, made symmetric in some way, under noise."""
    random = np.random.default_rng(7)
    labels = np.arange(rows) % CLASSES
    drawn = random.integers(40, 216, (CLASSES, 6, 6, channels)).astype(np.int64)
    coarse = np.stack([symmetric(each) for each in drawn])[labels]
    images = coarse.repeat(SHAPE[0] // 6, axis=1).repeat(SHAPE[1] // 6, axis=2)
    images = images + random.integers(-noise, noise + 1, images.shape)
    return memory_source(
        images.clip(0, 255).astype(np.uint8), labels, class_names=("a", "b", "c", "d")
    )


def as_it_is(image: Int64Array) -> Int64Array:
    return image


def mirrored(image: Int64Array) -> Int64Array:
    return (image + image[:, ::-1]) // 2


def any_way(image: Int64Array) -> Int64Array:
    turned = [np.rot90(image, turns) for turns in range(4)]
    both = np.stack([*turned, *(own[:, ::-1] for own in turned)])
    found: Int64Array = both.sum(axis=0) // len(both)
    return found


@pytest.mark.parametrize(
    ("symmetric", "grey", "colour"),
    [
        (as_it_is, "digits", "digits"),
        (mirrored, "clothes", "photo"),
        (any_way, "texture", "texture"),
    ],
)
def test_the_preset_is_what_the_images_bear(
    symmetric: Callable[[Int64Array], Int64Array], grey: str, colour: str
) -> None:
    for channels, preset in ((1, grey), (3, colour)):
        content = look_at(pictures(symmetric, 120, channels))
        assert content is not None
        assert content.read > 0.9
        assert preset_for(content, channels) == preset


def test_digits_are_digits() -> None:
    whole = open_sample("train", "sample")
    content = look_at(whole.restricted_to(np.arange(0, len(whole), 41)))
    assert content is not None
    assert preset_for(content, 1) == "digits"
    assert content.read > 0.6
    assert content.turned < 0.3
    assert "mirrored" in content.words


def test_what_tells_nothing_is_left_to_the_colours() -> None:
    """Few images, a class of one, pure noise, and what is uncertain by a standard error."""
    one_of_a_class = pictures(mirrored, 41, 3).restricted_to(
        np.concatenate([np.arange(0, 40, 4), np.arange(1, 40, 4), [2]])
    )
    for source in (pictures(mirrored, 19, 3), one_of_a_class):
        assert look_at(source) is None
    random = np.random.default_rng(1)
    noise = memory_source(
        random.integers(0, 256, (200, 9, 14, 3), dtype=np.uint8), np.arange(200) % 10
    )
    assert look_at(noise) is None
    assert [preset_for(None, channels) for channels in (1, 3)] == ["digits", "photo"]
    unsure = Content(0.4, mirrored=0.65, upside_down=0.8, turned=0.8, error=0.15)
    assert [preset_for(unsure, channels) for channels in (1, 3)] == ["digits", "photo"]


def test_it_is_the_same_for_the_same_images_and_asks_no_more_than_600() -> None:
    read: list[int] = []
    source = pictures(as_it_is, 900, 1)
    asked = memory_source(
        source.read_images(np.arange(900)), source.labels, class_names=("a", "b", "c", "d")
    )
    seen = asked.read_images

    def counting(rows: np.ndarray) -> UInt8Array:
        read.extend(rows.tolist())
        return seen(rows)

    watched = replace(source, read_images=counting)
    assert look_at(watched) == look_at(watched)
    assert len(read) == 1200
    assert len({*read}) == 600
    assert np.bincount(source.labels[sorted({*read})]).tolist() == [150] * 4


def test_online_geometry_is_what_the_originals_bear_where_no_dataset_says(tmp_path: Path) -> None:
    source = pictures(mirrored, 60, 1)
    rows = np.arange(60)
    names = ("a", "b", "c", "d")
    spec = write_source(tmp_path / "s.h5", source.read_images(rows), source.labels, names)
    mixed = ExpandRequest(
        spec, tmp_path / "m", (1,), mix=(mix_stage("test", "mixup", 1, "originals", {}),)
    )
    varied = ExpandRequest(spec, tmp_path / "v", (2,), geometry={"preset": "digits"})
    chosen = []
    for request in (mixed, varied):
        (dataset,) = expand(request, Progress())
        arms = make_arms((open_version(dataset.path),), ArmsRequest())
        (online,) = next(arm for arm in arms if arm.name == ONLINE_GEOMETRY).batch_policy.online
        chosen.append(json.loads(online.parameters)["preset"])
    assert chosen == ["clothes", "digits"]
