"""The bundled digits are MNIST's first 10,000, in two halves that share no image."""

import hashlib

import numpy as np
import pytest

from augfactory.records import Source, SourceSpec
from augfactory.sources.opening import open_source
from augfactory.sources.sample import CHECKOUT

WHOLE = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]


@pytest.fixture(scope="module")
def halves() -> tuple[Source, Source]:
    return open_source(SourceSpec("sample:train")), open_source(SourceSpec("sample:test"))


def test_counts_are_those_of_the_first_ten_thousand(halves: tuple[Source, Source]) -> None:
    train, test = (np.bincount(half.labels, minlength=10) for half in halves)
    assert (train + test).tolist() == WHOLE
    assert (train.sum(), test.sum()) == (5000, 5000)
    assert np.abs(train - test).max() <= 1


def test_no_image_stands_in_both_halves(halves: tuple[Source, Source]) -> None:
    train, test = (
        {image.tobytes() for image in half.read_images(np.arange(5000))} for half in halves
    )
    assert len(train) == len(test) == 5000
    assert not train & test


def test_digits_look_like_digits(halves: tuple[Source, Source]) -> None:
    """A one is narrower than a zero, and most of a digit's ink lies in the middle."""
    train = halves[0]
    images = train.read_images(np.arange(5000))[:, :, :, 0].astype(float)
    ink = {digit: (images[train.labels == digit] > 128).any(axis=1).sum(axis=1) for digit in (0, 1)}
    assert ink[1].mean() < ink[0].mean()
    assert images[:, 4:24, 4:24].sum() > 0.95 * images.sum()


def test_the_word_alone_is_the_training_half(halves: tuple[Source, Source]) -> None:
    alone = open_source(SourceSpec("sample"))
    assert (alone.split, alone.name) == ("train", "sample")
    assert np.array_equal(alone.labels, halves[0].labels)
    assert halves[1].split == "test"
    assert halves[0].image_shape == (28, 28, 1)
    assert halves[0].class_names == tuple("0123456789")
    assert halves[0].row_name(17) == "sample:train row 17"


def test_files_are_those_of_the_provenance() -> None:
    told = (CHECKOUT / "PROVENANCE.md").read_text()
    for path in sorted(CHECKOUT.glob("*.gz")):
        line = f"| `{path.name}` | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |"
        assert line in told
    assert len(list(CHECKOUT.glob("*.gz"))) == 4
    assert " | ".join(map(str, WHOLE)) in told
