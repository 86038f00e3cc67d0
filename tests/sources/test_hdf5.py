"""HDF5 files: names, types and labels, and rows that leave the file only when asked."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources import hdf5
from augfactory.sources.opening import open_source
from tests.sources.written import HEIGHT, WIDTH, noise, write_h5

IMAGES = noise(9, HEIGHT, WIDTH, 3)
LABELS = np.array([3, 0, 1, 1, 0, 2, 3, 0, 1])
SOFT = np.random.default_rng(0).dirichlet(np.ones(4), 9).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "set.h5"


def opened(path: Path, split: str = "") -> Source:
    return open_source(SourceSpec(f"{path}{split}"))


def refusal(path: Path, split: str = "") -> str:
    with pytest.raises(InputDataError) as caught:
        opened(path, split)
    return str(caught.value)


@pytest.mark.parametrize(("image", "label"), [("image", "label"), ("images", "labels")])
@pytest.mark.parametrize("suffix", ["h5", "hdf5"])
def test_plain_sets(tmp_path: Path, image: str, label: str, suffix: str) -> None:
    path = tmp_path / f"set.{suffix}"
    write_h5(path, None, **{image: IMAGES, label: LABELS})
    source = opened(path)
    assert source.image_shape == (HEIGHT, WIDTH, 3)
    assert source.labels.tolist() == LABELS.tolist()
    assert (source.split, source.class_names) == (None, ("0", "1", "2", "3"))
    assert np.array_equal(source.read_soft_labels(np.array([5, 5])), np.eye(4)[[2, 2]])
    assert source.row_name(3) == f"set.{suffix} row 3"


@given(st.lists(st.integers(0, 8), max_size=12))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_repeats(path: Path, rows: list[int]) -> None:
    if not path.exists():
        write_h5(path, image=IMAGES, soft_label=SOFT)
    source = opened(path)
    chosen = np.array(rows, dtype=np.int64)
    assert np.array_equal(source.read_images(chosen), IMAGES[chosen])
    assert np.array_equal(source.read_soft_labels(chosen), SOFT[chosen])


@pytest.mark.parametrize(
    "images", [IMAGES / 255, IMAGES.transpose(0, 3, 1, 2), IMAGES.astype("<u2") * 257]
)
def test_types_and_layouts_are_those_of_arrays(path: Path, images: np.ndarray[Any, Any]) -> None:
    write_h5(path, image=images, label=LABELS)
    assert np.array_equal(opened(path).read_images(np.array([8, 0])), IMAGES[[8, 0]])


def test_chunks_and_built_in_filters(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "image", data=IMAGES, chunks=(4, 5, 7, 3), compression="gzip", shuffle=True
        )
        file.create_dataset("label", data=LABELS, chunks=(2,), compression="lzf", fletcher32=True)
    assert np.array_equal(opened(path).read_images(np.arange(9)), IMAGES)


@pytest.mark.parametrize(
    "names",
    [
        json.dumps(["a", "b", "ä", "d"]),
        ["a", "b", "ä", "d"],
        np.array([b"a", b"b", "ä".encode(), b"d"]),
    ],
)
def test_class_names(path: Path, names: object) -> None:
    write_h5(path, {"class_names": names}, image=IMAGES, label=LABELS)
    assert opened(path).class_names == ("a", "b", "ä", "d")


@pytest.mark.parametrize("names", ["{", '{"a": 1}', "[1, 2]", np.arange(4), np.bytes_(b"\xff")])
def test_class_names_that_are_none(path: Path, names: object) -> None:
    write_h5(path, {"class_names": names}, image=IMAGES, label=LABELS)
    assert refusal(path).startswith(f"{path}[class_names]: ")


def test_soft_labels_alone_and_beside_labels(path: Path) -> None:
    write_h5(path, image=IMAGES, soft_labels=SOFT)
    assert np.array_equal(opened(path).labels, SOFT.argmax(axis=1))
    write_h5(path, image=IMAGES, soft_label=SOFT, label=LABELS)
    assert np.array_equal(opened(path).labels, LABELS)
    write_h5(path, image=IMAGES, label=SOFT)
    assert np.array_equal(opened(path).read_soft_labels(np.arange(9)), SOFT)


def test_all_soft_labels_are_checked_at_opening(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "BLOCK_ROWS", 4)
    soft = SOFT.copy()
    soft[8, 2] = np.nan
    write_h5(path, image=IMAGES, soft_label=soft, label=LABELS)
    assert refusal(path).startswith(f"{path}[soft_label]: row 8 holds a share")


def test_images_are_read_by_the_row(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the rows that are asked leave the file: neighbours together, others apart."""
    write_h5(path, image=IMAGES, label=LABELS)
    read = []
    original = h5py.Dataset.__getitem__

    def spied(dataset: Any, key: Any, **options: Any) -> Any:
        read.append((dataset.name, key.start, key.stop))
        return original(dataset, key, **options)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", spied)
    source = opened(path)
    assert {name for name, _, _ in read} == {"/label"}
    read.clear()
    source.read_images(np.array([7, 2, 3, 7, 1]))
    assert read == [("/image", 1, 4), ("/image", 7, 8)]


def test_what_is_missing_or_does_not_fit(path: Path) -> None:
    write_h5(path, label=LABELS)
    assert "it holds no images" in refusal(path)
    write_h5(path, image=IMAGES)
    assert "there are no labels" in refusal(path)
    write_h5(path, image=IMAGES, images=IMAGES, label=LABELS)
    assert "image and images could mean" in refusal(path)
    write_h5(path, image=IMAGES, label=LABELS[:8])
    assert "9 images but 8 labels" in refusal(path)
    write_h5(path, image=IMAGES, label=LABELS[:8], soft_label=SOFT)
    assert "8 labels but 9 soft labels" in refusal(path)
    write_h5(path, image=IMAGES, label=LABELS * 0)
    assert "all rows are of class 0" in refusal(path)
    write_h5(path, image=IMAGES, label=-LABELS)
    assert refusal(path).startswith(f"{path}[label]: the label of row 0, -3, is negative")
    write_h5(path, image=IMAGES.astype(np.int64), label=LABELS)
    assert "no agreed range" in refusal(path)
    write_h5(path, image=IMAGES[:, :, 0], label=LABELS)
    assert "no split" in refusal(path, ":test")


def test_a_bad_pixel_names_its_row_when_read(path: Path) -> None:
    images = IMAGES / 255
    images[6, 2, 3, 1] = np.nan
    write_h5(path, image=images, label=LABELS)
    source = opened(path)
    source.read_images(np.arange(6))
    with pytest.raises(InputDataError, match=r"\[image\]: row 6 holds the value nan"):
        source.read_images(np.array([8, 6]))
