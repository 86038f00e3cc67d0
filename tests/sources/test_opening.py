"""Which kind of source a text names, and what is said when it names none."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from augfactory.errors import InputDataError, RecipeError
from augfactory.records import SourceSpec
from augfactory.source_rows import fingerprint
from augfactory.sources.opening import open_source, split_suffix
from tests.sources.written import HEIGHT, WIDTH, noise, write_class_folders, write_h5, write_idx

IMAGES = noise(6, HEIGHT, WIDTH, 3)
LABELS = np.array([0, 1, 1, 0, 2, 2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sample", ("sample", None)),
        ("sample:train", ("sample", "train")),
        ("a/b:test", ("a/b", "test")),
        ("torchvision:MNIST", ("torchvision:MNIST", None)),
        ("torchvision:MNIST:test", ("torchvision:MNIST", "test")),
        ("C:\\pictures", ("C:\\pictures", None)),
        ("C:\\pictures:test", ("C:\\pictures", "test")),
        ("set:Test", ("set:Test", None)),
        ("set:validation", ("set", "validation")),
        ("set:val", ("set", "validation")),
        ("set:valid", ("set", "validation")),
        ("set:dev", ("set:dev", None)),
        ("test", ("test", None)),
        (":test", ("", "test")),
    ],
)
def test_a_split_is_one_of_few_words_after_the_last_colon(
    text: str, expected: tuple[str, str | None]
) -> None:
    assert split_suffix(text) == expected


def test_what_exists_with_a_colon_wins(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "set:test", IMAGES, LABELS)
    source = open_source(SourceSpec(f"{tmp_path}/set:test"))
    assert source.split is None
    write_class_folders(tmp_path / "set", IMAGES[:4], LABELS[:4])
    assert len(open_source(SourceSpec(f"{tmp_path}/set:test"))) == 6
    assert len(open_source(SourceSpec(f"{tmp_path}/set"))) == 4


def test_sample_is_the_digits_even_beside_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_class_folders(tmp_path / "sample", IMAGES, LABELS)
    assert len(open_source(SourceSpec("sample"))) == 5000
    assert len(open_source(SourceSpec("./sample"))) == 6


def test_the_name_is_what_the_user_wrote(tmp_path: Path) -> None:
    write_idx(tmp_path, IMAGES, LABELS)
    assert open_source(SourceSpec(f"{tmp_path}:train")).name == f"{tmp_path}:train"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nowhere/at/all", "nowhere/at/all: there is no such file or folder"),
        ("nowhere:test", "nowhere: there is no such file or folder"),
        ("", "'': there is no such file or folder"),
        ("a\0b", "cannot be looked at"),
        ("x" * 5000, "this name is too long"),
        (__file__, "a file of this kind is not a source"),
        (f"{__file__}/below", "there is no such file or folder"),
        (os.devnull, "a file of this kind is not a source"),
    ],
)
def test_what_is_no_source(text: str, reason: str) -> None:
    with pytest.raises(InputDataError) as caught:
        open_source(SourceSpec(text))
    assert reason in str(caught.value)
    assert "A source is a folder of class folders" in caught.value.remedy


@pytest.mark.parametrize("size", [(0, 8), (8, -1), (8, 4097)])
def test_sizes_that_are_none(size: tuple[int, int]) -> None:
    with pytest.raises(RecipeError, match="--size"):
        open_source(SourceSpec("sample", size=size))


def test_size_and_colour_mean_the_same_for_every_kind(tmp_path: Path) -> None:
    order = np.argsort(LABELS, kind="stable")
    write_class_folders(tmp_path / "folders", IMAGES, LABELS)
    write_idx(tmp_path / "idx", IMAGES[order], LABELS[order])
    np.savez(tmp_path / "set.npz", x=IMAGES[order], y=LABELS[order])
    write_h5(tmp_path / "set.h5", image=IMAGES[order], label=LABELS[order])
    found = set()
    for kind in ("folders", "idx", "set.npz", "set.h5"):
        source = open_source(SourceSpec(str(tmp_path / kind), size=(10, 8), colour="grey"))
        assert source.image_shape == (10, 8, 1)
        found.add(fingerprint(source))
    assert len(found) == 1


def fingerprint_of(spec: SourceSpec) -> str:
    return fingerprint(open_source(spec))


def test_a_spawned_process_opens_the_same_from_the_spec(tmp_path: Path) -> None:
    write_h5(tmp_path / "set.h5", image=IMAGES, label=LABELS)
    spec = SourceSpec(str(tmp_path / "set.h5"), size=(10, 8))
    expected = fingerprint_of(spec)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(fingerprint_of, spec).result(timeout=60) == expected
