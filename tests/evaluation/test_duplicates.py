"""Near copies of test images are found, and images that are merely alike are not."""

import io
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from augfactory.evaluation.images import duplicates
from augfactory.evaluation.images.duplicates import find_near_duplicates, thumbnail_vectors
from augfactory.records import Int64Array, Source, SourceSpec, UInt8Array
from augfactory.sources.opening import open_source
from tests.evaluation.memory import memory_source


def source_of(images: UInt8Array, name: str = "memory") -> Source:
    return memory_source(images, np.zeros(len(images), dtype=np.int64), name=name)


def photographs(rows: int, seed: int) -> UInt8Array:
    """Draw smooth colour fields with edges, 26 x 34, about as alike as photographs are."""
    random = np.random.default_rng(seed)
    images = np.empty((rows, 26, 34, 3), dtype=np.uint8)
    for row in range(rows):
        coarse = random.uniform(30, 220, (4, 5, 3))
        field = np.asarray(cv2.resize(coarse, (34, 26), interpolation=cv2.INTER_CUBIC), np.float64)
        top, left = random.integers(2, 14), random.integers(2, 20)
        field[top : top + 9, left : left + 11] -= random.uniform(-60, 60, 3)
        images[row] = (field + random.normal(0, 4, field.shape)).clip(0, 255)
    return images


def digits(split: str, rows: int) -> UInt8Array:
    source = open_source(SourceSpec(f"sample:{split}"))
    return source.read_images(np.arange(rows))


def noisy(image: UInt8Array) -> UInt8Array:
    noise = np.random.default_rng(9).integers(-3, 4, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


def brighter(image: UInt8Array) -> UInt8Array:
    return (image * 1.05).round().clip(0, 255).astype(np.uint8)


def compressed(image: UInt8Array) -> UInt8Array:
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file)).reshape(image.shape)


def moved(image: UInt8Array) -> UInt8Array:
    return np.concatenate([image[:, :1], image[:, :-1]], axis=1)


CHANGES: list[Callable[[UInt8Array], UInt8Array]] = [np.copy, noisy, brighter, compressed]


@pytest.mark.parametrize("change", [*CHANGES, moved])
def test_a_changed_copy_of_a_photograph_is_found_and_named(
    change: Callable[[UInt8Array], UInt8Array],
) -> None:
    training, test = photographs(700, 1), photographs(300, 2)
    assert find_near_duplicates(source_of(training), source_of(test)) == []
    training[611] = change(test[42])
    (found,) = find_near_duplicates(source_of(training, "train"), source_of(test, "test"))
    assert (found.training_row, found.test_row) == (611, 42)
    assert (found.training_name, found.test_name) == ("train/611", "test/42")
    expected = thumbnail_vectors(training[[611]]) @ thumbnail_vectors(test[[42]]).T
    assert found.similarity == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_of_a_digit_is_found_among_few_false_alarms(
    change: Callable[[UInt8Array], UInt8Array],
) -> None:
    training, test = digits("train", 2500), digits("test", 2500)
    false = find_near_duplicates(source_of(training), source_of(test))
    assert len(false) <= 5
    copies = np.stack([change(image) for image in test[100:120]])
    found = find_near_duplicates(
        source_of(np.concatenate([training, copies])), source_of(test), most=100
    )
    pairs = {(each.training_row, each.test_row) for each in found}
    assert pairs >= {(2500 + place, 100 + place) for place in range(20)}
    assert len(pairs) <= 20 + 5


def test_pairs_come_by_similarity_and_no_more_than_asked() -> None:
    training, test = photographs(300, 1), photographs(200, 2)
    for place in range(8):
        noise = np.random.default_rng(place).normal(0, 2 * place, test[0].shape)
        training[40 * (7 - place)] = (test[5 + place] + noise).clip(0, 255).astype(np.uint8)
    everything = find_near_duplicates(source_of(training), source_of(test))
    assert {each.test_row for each in everything} == set(range(5, 13))
    similarity = [each.similarity for each in everything]
    assert similarity == sorted(similarity, reverse=True)
    assert find_near_duplicates(source_of(training), source_of(test), most=3) == everything[:3]


def test_every_one_of_five_copies_is_found_but_a_crowd_is_not() -> None:
    training, test = photographs(300, 1), photographs(200, 2)
    for row in range(5):
        training[60 * row] = noisy(test[9])
    found = find_near_duplicates(source_of(training), source_of(test))
    assert {(each.training_row, each.test_row) for each in found} == {
        (60 * row, 9) for row in range(5)
    }
    one = photographs(1, 3)[0].astype(np.int64)
    noise = np.random.default_rng(4).integers(-60, 61, (500, *one.shape))
    crowd = (one + noise).clip(0, 255).astype(np.uint8)
    assert find_near_duplicates(source_of(crowd[:300]), source_of(crowd[300:])) == []


def test_blocks_change_nothing_and_rows_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    training, test = photographs(130, 1), photographs(70, 2)
    training[[3, 64, 129]] = [noisy(test[row]) for row in (69, 0, 31)]
    whole = find_near_duplicates(source_of(training), source_of(test))
    assert len(whole) == 3
    monkeypatch.setattr(duplicates, "BLOCK_ROWS", 32)
    asked: list[int] = []
    told: list[int] = []
    source = source_of(training)

    def read(rows: Int64Array) -> UInt8Array:
        asked.extend(rows.tolist())
        return source.read_images(rows)

    counted = replace(source, read_images=read)
    parts = find_near_duplicates(counted, source_of(test), on_rows=told.append)
    pairs = [(each.training_row, each.test_row) for each in whole]
    assert [(each.training_row, each.test_row) for each in parts] == pairs
    assert asked == list(range(130))
    assert told == [32, 32, 6, 32, 32, 32, 32, 2]


def test_sets_too_small_for_a_comparison_do_no_harm() -> None:
    one, many = photographs(1, 1), photographs(3, 2)
    assert find_near_duplicates(source_of(one[:0]), source_of(many)) == []
    assert find_near_duplicates(source_of(many), source_of(one[:0])) == []
    assert find_near_duplicates(source_of(many), source_of(one)) == []
    (found,) = find_near_duplicates(source_of(one), source_of(one))
    assert found.similarity == pytest.approx(1, abs=1e-6)


def test_images_of_one_colour_match_nothing() -> None:
    flat = (
        np.full((40, 26, 34, 3), 128, dtype=np.uint8)
        + np.arange(40, dtype=np.uint8)[:, None, None, None]
    )
    assert not thumbnail_vectors(flat).any()
    assert find_near_duplicates(source_of(flat), source_of(flat)) == []


def test_thumbnails_are_grey_means_without_mean_and_contrast() -> None:
    images = photographs(5, 3)[:, :24, :32]  # cells of exactly 3 x 4 pixels
    grey = images @ np.array([0.299, 0.587, 0.114])
    cells = grey.reshape(5, 8, 3, 8, 4).mean(axis=(2, 4)).reshape(5, -1)
    cells -= cells.mean(axis=1, keepdims=True)
    cells /= np.linalg.norm(cells, axis=1, keepdims=True)
    assert np.allclose(thumbnail_vectors(images), cells, atol=1e-5)
    small = photographs(4, 4)[:, :5, :9]
    assert thumbnail_vectors(small).shape == (4, 5 * 8)
