"""IDX files: found by name, bounded by their header, refused when they do not fit."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augfactory.errors import InputDataError
from augfactory.records import Source, SourceSpec
from augfactory.sources.idx import read_idx
from augfactory.sources.opening import open_source
from tests.sources.written import HEIGHT, WIDTH, idx_bytes, noise, write_idx

IMAGES = noise(6, HEIGHT, WIDTH)
LABELS = np.array([3, 0, 1, 1, 0, 2], dtype=np.uint8)


def opened(folder: Path, split: str = "") -> Source:
    return open_source(SourceSpec(f"{folder}{split}"))


def refusal(folder: Path, split: str = "") -> str:
    with pytest.raises(InputDataError) as caught:
        opened(folder, split)
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("prefix", ["train", "emnist-letters-train"])
def test_rows_come_back_in_any_order(tmp_path: Path, prefix: str, suffix: str) -> None:
    write_idx(tmp_path, IMAGES, LABELS, prefix, suffix)
    source = opened(tmp_path)
    rows = np.array([5, 0, 5, 2])
    assert np.array_equal(source.read_images(rows)[:, :, :, 0], IMAGES[rows])
    assert source.image_shape == (HEIGHT, WIDTH, 1)
    assert source.labels.tolist() == LABELS.tolist()
    assert source.class_names == ("0", "1", "2", "3")
    assert source.split == "train"
    assert source.row_name(4) == f"{prefix}-images-idx3-ubyte{suffix} row 4"
    assert np.array_equal(source.read_soft_labels(rows), np.eye(4)[LABELS[rows]])


def test_colour_images_have_four_axes(tmp_path: Path) -> None:
    images = noise(6, HEIGHT, WIDTH, 3)
    write_idx(tmp_path, images, LABELS)
    assert np.array_equal(opened(tmp_path).read_images(np.arange(6)), images)


def test_names_with_dots_as_unpacked_archives_have_them(tmp_path: Path) -> None:
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(idx_bytes(LABELS))
    assert opened(tmp_path, ":test").split == "test"


@pytest.mark.parametrize("word", ["t10k", "test"])
def test_both_splits_have_the_classes_of_either(tmp_path: Path, word: str) -> None:
    write_idx(tmp_path, IMAGES, LABELS)
    write_idx(tmp_path, IMAGES[:2] ^ 255, np.array([7, 0], dtype=np.uint8), word, ".gz")
    train, test = opened(tmp_path), opened(tmp_path, ":test")
    assert len(train.class_names) == len(test.class_names) == 8
    assert np.array_equal(test.read_images(np.arange(2))[:, :, :, 0], IMAGES[:2] ^ 255)


def test_a_plain_file_is_taken_before_its_packed_copy(tmp_path: Path) -> None:
    write_idx(tmp_path, IMAGES, LABELS)
    write_idx(tmp_path, IMAGES ^ 255, LABELS, suffix=".gz")
    assert np.array_equal(opened(tmp_path).read_images(np.arange(6))[:, :, :, 0], IMAGES)


def test_a_plain_file_is_mapped_not_read(tmp_path: Path) -> None:
    write_idx(tmp_path, np.zeros((2000, 100, 110), dtype=np.uint8), np.arange(2000) % 10)
    tracemalloc.start()
    opened(tmp_path).read_images(np.array([1999, 3]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000 < 2000 * 100 * 110


def test_missing_and_ambiguous_files(tmp_path: Path) -> None:
    write_idx(tmp_path, IMAGES, LABELS, "emnist-digits-train")
    assert ":train" in refusal(tmp_path, ":test")
    write_idx(tmp_path, IMAGES, LABELS, "emnist-mnist-train", ".gz")
    message = refusal(tmp_path)
    assert "emnist-digits-train-images-idx3-ubyte, emnist-mnist-train-images" in message
    write_idx(tmp_path / "alone", IMAGES, LABELS)
    (tmp_path / "alone" / "train-labels-idx1-ubyte").unlink()
    message = refusal(tmp_path / "alone")
    assert "no file of train labels, such as train-labels-idx1-ubyte" in message


def test_pairs_that_do_not_fit(tmp_path: Path) -> None:
    write_idx(tmp_path, IMAGES, LABELS[:5])
    assert "5 labels, but train-images-idx3-ubyte has 6 images" in refusal(tmp_path)
    write_idx(tmp_path, IMAGES, np.zeros(6, dtype=np.uint8))
    assert "all rows are of class 0" in refusal(tmp_path)
    write_idx(tmp_path, LABELS, LABELS)
    assert "1 axes instead of the 3 or 4" in refusal(tmp_path)
    write_idx(tmp_path, IMAGES, IMAGES)
    assert "3 axes instead of the 1" in refusal(tmp_path)
    write_idx(tmp_path, IMAGES[:0], LABELS[:0])
    assert "holds no image" in refusal(tmp_path)


WHOLE = idx_bytes(IMAGES)
DAMAGED = {
    "wrong magic number": b"\x89PNG" + WHOLE[4:],
    "wrong magic number 00000809": WHOLE[:3] + b"\x09" + WHOLE[4:],
    "IDX type 0x0d": b"\0\0\x0d\x03" + WHOLE[4:],
    "cannot be read as IDX": WHOLE[:9],
    "wrong magic number :": b"",
    "1,439 bytes of values": WHOLE[:-1],
    "bytes of values, but the header declares 1,440": WHOLE + b"x",
}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("reason", DAMAGED)
def test_damaged_files(tmp_path: Path, reason: str, suffix: str) -> None:
    write_idx(tmp_path, IMAGES, LABELS, suffix=suffix)
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    path.write_bytes(gzip.compress(DAMAGED[reason]) if suffix else DAMAGED[reason])
    message = refusal(tmp_path)
    assert message.startswith(f"{path}: ")
    assert reason in message


def test_a_cut_or_corrupt_gzip_stream(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    packed = gzip.compress(WHOLE)
    for bad in (
        packed[:-20],
        packed[:-9] + b"\0" + packed[-8:],
        packed[:-6] + b"\0\0" + packed[-4:],
    ):
        path.write_bytes(bad)
        with pytest.raises(InputDataError, match="cannot be read as IDX"):
            read_idx(path)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(WHOLE + bytes(100_000_000), 1))
    tracemalloc.start()
    with pytest.raises(InputDataError, match="more bytes of values"):
        read_idx(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_header_that_declares_everything_takes_no_memory(tmp_path: Path) -> None:
    for shape, reason in ((b"\xff" * 12, "read in one piece"), (b"\0\0\x07\xff" * 3, "only 40")):
        data = b"\0\0\x08\x03" + shape + bytes(40)
        for name, content in (("x.gz", gzip.compress(data)), ("x", data)):
            path = tmp_path / name
            path.write_bytes(content)
            tracemalloc.start()
            with pytest.raises(InputDataError, match=reason if name == "x.gz" else "40 bytes"):
                read_idx(path)
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
            tracemalloc.stop()


@given(
    st.sampled_from([WHOLE, gzip.compress(WHOLE)]),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255)), max_size=6),
    st.integers(0, 1500),
    st.sampled_from(["x", "x.gz"]),
)
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    whole: bytes,
    changes: list[tuple[int, int]],
    length: int,
    name: str,
) -> None:
    data = bytearray(whole)
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data[:length])
    try:
        assert read_idx(path).dtype == np.uint8
    except InputDataError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
