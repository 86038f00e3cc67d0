"""What images tell of how they may be varied: some are made to bear one change or the other."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from augfactory.commands.evaluate.arms import ArmsRequest, make_arms
from augfactory.commands.evaluate.online_arms import ONLINE_GEOMETRY
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.pipeline.recipes.content import Content, look_at, looks_of, preset_for
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
    ("symmetric", "drawn", "on_one_ground", "photographed"),
    [
        (as_it_is, "digits", "digits", "digits"),
        (mirrored, "clothes", "clothes", "photo"),
        (any_way, "texture", "texture", "texture"),
    ],
)
def test_the_preset_is_what_the_images_bear(
    symmetric: Callable[[Int64Array], Int64Array], drawn: str, on_one_ground: str, photographed: str
) -> None:
    for channels in (1, 3):
        content = look_at(pictures(symmetric, 120, channels))
        assert content is not None
        assert content.read > 0.9
        assert preset_for("drawn", content) == drawn
        assert preset_for("on one ground", content) == on_one_ground
        assert preset_for("photographed", content) == photographed
        assert preset_for("in colour", content) == photographed


def test_digits_are_digits() -> None:
    whole = open_sample("train", "sample")
    content = look_at(whole.restricted_to(np.arange(0, len(whole), 41)))
    assert content is not None
    assert looks_of(whole) == "drawn"
    assert preset_for("drawn", content) == "digits"
    assert content.read > 0.6
    assert content.turned < 0.3
    assert "mirrored" in content.words


def test_its_linear_algebra_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads make it no faster, and each takes a processor."""
    solve, used = np.linalg.solve, set[int]()

    def blas_threads() -> set[int]:
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    def watched(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        used.update(blas_threads())
        found: np.ndarray = solve(left, right)
        return found

    monkeypatch.setattr(np.linalg, "solve", watched)
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        assert look_at(pictures(as_it_is, 120, 3)) is not None
        assert used == {1} != before
        assert blas_threads() == before


def test_what_tells_nothing_is_left_to_its_looks() -> None:
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
    unsure = Content(0.4, mirrored=0.65, upside_down=0.8, turned=0.8, error=0.15)
    for content in (None, unsure):
        assert preset_for("drawn", content) == "digits"
        assert preset_for("on one ground", content) == "clothes"
        assert preset_for("photographed", content) == preset_for("in colour", content) == "photo"


def test_copies_tell_no_more_than_the_images_that_they_are_of() -> None:
    """A copy would be read by heart as it is, and not when it is mirrored."""
    for symmetric in (as_it_is, mirrored):
        source = pictures(symmetric, 60, 3, noise=90)
        copied = source.restricted_to(np.arange(60).repeat(3))
        assert look_at(copied) == look_at(source)
    assert look_at(pictures(mirrored, 12, 3).restricted_to(np.arange(12).repeat(3))) is None


def scene(random: np.random.Generator) -> UInt8Array:
    """A grey ramp from one corner to another, of any slope and light, under noise: [24, 30, 1]."""
    down, right = np.mgrid[: SHAPE[0], : SHAPE[1]] / 30
    light = random.uniform(40, 215) + 90 * (
        random.uniform(-1, 1) * (down - 0.4) + random.uniform(-1, 1) * (right - 0.5)
    )
    noisy: UInt8Array = (light + random.normal(0, 9, SHAPE)).clip(0, 255).astype(np.uint8)
    return noisy[..., None]


def part(random: np.random.Generator) -> UInt8Array:
    """A part of any light and place, on the same noisy ground as all others: [24, 30, 1]."""
    image = np.full(SHAPE, 120.0)
    top, left = random.integers(1, 8, 2)
    image[top : top + 14, left : left + 20] = random.uniform(150, 230)
    return (image + random.normal(0, 9, SHAPE)).clip(0, 255).astype(np.uint8)[..., None]


def garment(random: np.random.Generator) -> UInt8Array:
    """A bright thing on black that fills 42 % of the image, more than strokes do: [24, 30, 1]."""
    image = np.zeros(SHAPE, dtype=np.uint8)
    image[3:20, 6:24] = random.integers(130, 256, (17, 18))
    return image[..., None]


def inked(random: np.random.Generator) -> UInt8Array:
    """A stroke, white on black or black on white: no ground is common, but it is a drawing."""
    image = np.zeros(SHAPE, dtype=np.uint8)
    row = random.integers(3, 20)
    image[row : row + 3, 4:26] = 255
    return (image if random.random() < 0.5 else 255 - image)[..., None]


@pytest.mark.parametrize(
    ("image_of", "looks"),
    [
        (scene, "photographed"),
        (part, "on one ground"),
        (garment, "on one ground"),
        (inked, "drawn"),
    ],
)
def test_drawings_things_on_one_ground_and_photographs_look_unlike(
    image_of: Callable[[np.random.Generator], UInt8Array], looks: str
) -> None:
    random = np.random.default_rng(5)
    images = np.stack([image_of(random) for _ in range(40)])
    assert looks_of(memory_source(images, np.arange(40) % 4)) == looks
    assert looks_of(memory_source(images.repeat(3, axis=3), np.arange(40) % 4)) == "in colour"


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
    assert chosen == ["photo", "digits"]


def test_of_datasets_with_unlike_presets_online_geometry_is_what_the_originals_bear(
    tmp_path: Path,
) -> None:
    source = pictures(mirrored, 60, 3)
    spec = write_source(
        tmp_path / "s.h5", source.read_images(np.arange(60)), source.labels, ("a", "b", "c", "d")
    )
    versions = []
    for preset in ("digits", "texture", "photo"):
        request = ExpandRequest(spec, tmp_path / preset, (2,), geometry={"preset": preset})
        versions.append(open_version(expand(request, Progress())[0].path))

    def online(*order: int) -> str:
        arms = make_arms(tuple(versions[place] for place in order), ArmsRequest())
        (stage,) = next(arm for arm in arms if arm.name == ONLINE_GEOMETRY).batch_policy.online
        return str(json.loads(stage.parameters)["preset"])

    assert [online(0, 1, 2), online(2, 0), online(0, 1)] == ["photo", "photo", "digits"]
