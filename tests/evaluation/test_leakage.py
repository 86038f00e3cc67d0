"""Test images that are also in a training set are found."""

from dataclasses import replace

import numpy as np

from augfactory.evaluation.images.leakage import (
    different_images,
    equal_images,
    find_shared_images,
    pixel_hashes,
)
from augfactory.records import READ_AT_ONCE, Int64Array, UInt8Array
from tests.evaluation.memory import memory_source, pattern_source, patterns


def test_a_planted_test_image_is_found_and_named() -> None:
    images, labels = patterns("train", 40)
    test = pattern_source("test", 30, name="test")
    images[17] = test.read_images(np.array([23]))[0]
    training = memory_source(images, labels, name="train")
    (shared,) = find_shared_images(training, test)
    assert (shared.training_row, shared.test_row) == (17, 23)
    assert (shared.training_name, shared.test_name) == ("train/17", "test/23")


def test_one_grey_level_makes_another_image() -> None:
    images, labels = patterns("train", 40)
    test = pattern_source("test", 30)
    planted = test.read_images(np.array([23]))[0]
    planted[8, 5, 2] ^= 1
    images[17] = planted
    assert find_shared_images(memory_source(images, labels), test) == []


def test_the_same_bytes_in_another_shape_are_another_image() -> None:
    images, labels = patterns("train", 40)
    turned = memory_source(images.reshape(40, 6, 9, 3), labels)
    assert find_shared_images(memory_source(images, labels), turned) == []


def test_no_more_than_the_first_are_named() -> None:
    same = pattern_source("same", 40)
    assert [each.training_row for each in find_shared_images(same, same, most=3)] == [0, 1, 2]
    assert len(find_shared_images(same, same, most=100)) == 40


def test_equal_images_have_one_number() -> None:
    """Whatever their labels are; one grey level makes another image."""
    images, labels = patterns("some", 40)
    images[[7, 31]] = images[2]
    images[38] = images[9]
    images[38, 8, 5, 2] ^= 1
    source = memory_source(images, labels)
    numbers = equal_images(source)
    for row in range(40):
        same = [other for other in range(40) if (images[other] == images[row]).all()]
        assert np.flatnonzero(numbers == numbers[row]).tolist() == same
    assert sorted({*numbers.tolist()}) == list(range(38))
    assert different_images(source, 1000) == 38
    assert different_images(source.restricted_to(np.array([2, 7, 31])), 2) == 1


def test_images_are_read_in_blocks_and_every_row_is_hashed() -> None:
    source = pattern_source("a", 2 * READ_AT_ONCE + 5)
    asked: list[int] = []
    told: list[int] = []

    def read(rows: Int64Array) -> UInt8Array:
        asked.append(len(rows))
        return source.read_images(rows)

    hashes = pixel_hashes(replace(source, read_images=read), told.append)
    assert asked == told == [READ_AT_ONCE, READ_AT_ONCE, 5]
    assert len({digest.tobytes() for digest in hashes}) == len(source)
