"""npz files: keys, splits, and everything that a file of arrays can hold instead."""

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources.opening import open_source
from tests.sources.written import HEIGHT, WIDTH, noise

IMAGES = noise(6, HEIGHT, WIDTH, 3)
LABELS = np.array([3, 0, 1, 1, 0, 2])
SOFT = np.random.default_rng(0).dirichlet(np.ones(4), 6).astype(np.float32)


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


def opened(path: Path, split: str = "") -> Source:
    return open_source(SourceSpec(f"{path}{split}"))


def refusal(path: Path, split: str = "") -> str:
    with pytest.raises(InputDataError) as caught:
        opened(path, split)
    return str(caught.value)


@pytest.mark.parametrize(
    ("image_key", "label_key"), [("images", "labels"), ("image", "label"), ("x", "y")]
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_plain_sets(tmp_path: Path, save: Any, image_key: str, label_key: str) -> None:
    path = tmp_path / "set.NPZ"
    with path.open("wb") as file:
        save(file, **{image_key: IMAGES, label_key: LABELS})
    source = opened(path)
    rows = np.array([5, 0, 5, 2])
    assert np.array_equal(source.read_images(rows), IMAGES[rows])
    assert source.labels.tolist() == LABELS.tolist()
    assert np.array_equal(source.read_soft_labels(rows), np.eye(4)[LABELS[rows]])
    assert (source.split, source.class_names) == (None, ("0", "1", "2", "3"))
    assert source.row_name(3) == f"set.NPZ[{image_key}] row 3"


@pytest.mark.parametrize("key", ["soft_label", "soft_labels"])
def test_soft_labels(tmp_path: Path, key: str) -> None:
    rows = np.array([4, 4, 1])
    alone = opened(saved(tmp_path, x=IMAGES, **{key: SOFT}))
    assert np.array_equal(alone.read_soft_labels(rows), SOFT[rows])
    assert np.array_equal(alone.labels, SOFT.argmax(axis=1))
    both = opened(saved(tmp_path, x=IMAGES, y=LABELS, **{key: SOFT}))
    assert np.array_equal(both.read_soft_labels(rows), SOFT[rows])
    assert np.array_equal(both.labels, LABELS)


@pytest.mark.parametrize(
    ("image_keys", "label_keys"),
    [
        (("x_train", "x_test"), ("y_train", "y_test")),
        (("train_images", "test_images"), ("train_labels", "test_labels")),
    ],
)
def test_splits(tmp_path: Path, image_keys: list[str], label_keys: list[str]) -> None:
    arrays = {
        image_keys[0]: IMAGES,
        label_keys[0]: LABELS[:, None],
        image_keys[1]: IMAGES[:2],
        label_keys[1]: np.array([6, 0]),
    }
    path = saved(tmp_path, **arrays)
    plain, train, test = opened(path), opened(path, ":train"), opened(path, ":test")
    assert (plain.split, train.split, test.split) == ("train", "train", "test")
    assert len(train.class_names) == len(test.class_names) == 7
    assert np.array_equal(train.read_images(np.arange(6)), IMAGES)
    assert test.labels.tolist() == [6, 0]


@pytest.mark.parametrize("names", [["a", "b", "ä", "d"], [b"a", b"b", "ä".encode(), b"d"]])
def test_class_names(tmp_path: Path, names: list[Any]) -> None:
    source = opened(saved(tmp_path, x=IMAGES, y=LABELS, class_names=np.array(names)))
    assert source.class_names == ("a", "b", "ä", "d")


def test_floats_and_channels_first(tmp_path: Path) -> None:
    floats = (IMAGES / 255).transpose(0, 3, 1, 2)
    source = opened(saved(tmp_path, x=floats, y=LABELS))
    assert np.array_equal(source.read_images(np.arange(6)), IMAGES)


def test_what_is_missing_or_ambiguous(tmp_path: Path) -> None:
    assert "it holds only x" in refusal(saved(tmp_path, x=IMAGES))
    assert "it holds only nothing" in refusal(saved(tmp_path))
    assert "images and x could mean" in refusal(saved(tmp_path, x=IMAGES, images=IMAGES, y=LABELS))
    assert "there is no y_train" in refusal(saved(tmp_path, x_train=IMAGES))
    path = saved(tmp_path, x_train=IMAGES, y_train=LABELS)
    assert "there is no x_test" in refusal(path, ":test")
    path = saved(tmp_path, x=IMAGES, y=LABELS)
    for split in ("train", "test"):
        assert f"no {split} split" in refusal(path, f":{split}")


def test_bad_values_name_the_array_and_the_row(tmp_path: Path) -> None:
    labels = LABELS.astype(float)
    labels[4] = np.nan
    path = saved(tmp_path, x=IMAGES, y=labels)
    assert refusal(path).startswith(f"{path}[y]: the label of row 4, nan")
    assert "all rows are of class 1" in refusal(saved(tmp_path, x=IMAGES, y=LABELS * 0 + 1))
    assert "6 images but 5 labels" in refusal(saved(tmp_path, x=IMAGES, y=LABELS[:5]))
    soft = SOFT.copy()
    soft[2] *= 2
    path = saved(tmp_path, x=IMAGES, soft_label=soft)
    assert refusal(path).startswith(f"{path}[soft_label]: row 2 has shares")
    path = saved(tmp_path, x=IMAGES / 200, y=LABELS)
    assert refusal(path).startswith(f"{path}[x]: row 0 holds")
    path = saved(tmp_path, x=IMAGES, y=LABELS, class_names=np.arange(4))
    assert "not a list of strings" in refusal(path)
    path = saved(tmp_path, x=IMAGES, y=LABELS, class_names=np.array([b"\xff", b"b", b"c", b"d"]))
    assert "cannot be read as text" in refusal(path)


def test_a_broken_other_split_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES, y_test=np.array([0, -1]))
    assert "[y_test]: the label of row 1, -1, is negative" in refusal(path)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    path = saved(tmp_path, x=IMAGES, y=np.array([Trap(), 1], dtype=object))
    assert "Python objects, which are never loaded" in refusal(path)
    assert not (tmp_path / "sprung").exists()


def npy(shape: tuple[int, ...], data: bytes = b"", dtype: str = "|u1") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue() + data


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (npy((6, 12, 20), bytes(1439)), "shorter or longer"),
        (npy((6, 12, 20), bytes(1441)), "shorter or longer"),
        (npy((2**40, 12, 20)), "read in one piece"),
        (npy((-6, 12, 20)), "\\[x\\]: "),
        (npy((6, 12, 20), dtype="|O"), "Python objects"),
        (npy((6, 12), bytes(72 * 4), dtype="|V4"), "\\[x\\]: "),
        (b"no array", "cannot be read as an array"),
        (b"", "cannot be read as an array"),
    ],
)
def test_members_that_lie(tmp_path: Path, member: bytes, reason: str) -> None:
    path = saved(tmp_path, y=LABELS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", member)
    with pytest.raises(InputDataError, match=reason):
        opened(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = saved(tmp_path, y=LABELS)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy((6, 12, 20), bytes(100_000_000)))
    tracemalloc.start()
    assert "shorter or longer" in refusal(path)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def whole_file() -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=IMAGES[:, :4, :5], y=LABELS)
    return buffer.getvalue()


WHOLE = whole_file()


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(WHOLE)) | st.just(len(WHOLE)),
)
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(data[:length])
    try:
        source = opened(path)
    except InputDataError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
    else:
        assert source.read_images(np.arange(6)).dtype == np.uint8
