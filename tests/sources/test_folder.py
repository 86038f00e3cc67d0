"""Class folders: order, splits, laziness, and everything that can be wrong with them."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from augfactory.errors import InputDataError
from augfactory.records import SourceOptions, SourceSpec, UInt8Array
from augfactory.source_rows import SourceRows, rows_of
from augfactory.sources.opening import open_source, refuse_test_split
from augfactory.sources.recorded import open_rows
from tests.sources.written import HEIGHT, WIDTH, image_of, noise, write_class_folders

IMAGES = noise(9, HEIGHT, WIDTH, 3)
LABELS = np.array([2, 0, 1, 0, 2, 2, 1, 0, 1], dtype=np.uint8)
ORDER = np.argsort(LABELS, kind="stable")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_class_folders(tmp_path / "set", IMAGES, LABELS)
    return tmp_path / "set"


def read_all(spec: SourceSpec) -> UInt8Array:
    source = open_source(spec)
    return source.read_images(np.arange(len(source)))


def refusal(text: object) -> str:
    """Return the message with which opening and reading all rows is refused."""
    with pytest.raises(InputDataError) as caught:
        read_all(SourceSpec(str(text)))
    return str(caught.value)


def test_rows_are_sorted_by_class_and_name(root: Path) -> None:
    source = open_source(SourceSpec(str(root)))
    assert source.class_names == ("0", "1", "2")
    assert (source.split, source.image_shape, len(source)) == (None, (HEIGHT, WIDTH, 3), 9)
    assert source.labels.tolist() == sorted(LABELS)
    assert np.array_equal(source.read_images(np.arange(9)), IMAGES[ORDER])
    assert [source.row_name(row) for row in range(3)] == ["0/0001.png", "0/0003.png", "0/0007.png"]
    assert np.array_equal(source.read_soft_labels(np.array([8, 0])), np.eye(3)[[2, 0]])


@given(st.lists(st.integers(0, 8), max_size=12))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_repeats(root: Path, rows: list[int]) -> None:
    write_class_folders(root, IMAGES, LABELS)
    source = open_source(SourceSpec(str(root)))
    chosen = np.array(rows, dtype=np.int64)
    assert np.array_equal(source.read_images(chosen), IMAGES[ORDER][chosen])


def test_opening_and_one_row_open_few_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    open_image = Image.open

    def counted(path: Path, **options: object) -> Image.Image:
        opened.append(path)
        return open_image(path, **options)  # type: ignore[arg-type]

    write_class_folders(tmp_path, IMAGES[:, :, :, :1], LABELS)
    monkeypatch.setattr(Image, "open", counted)
    source = open_source(SourceSpec(str(tmp_path)))
    assert len(source) == 9
    assert len(opened) == 3 + 1  # one header per class, and the first image
    source.read_images(np.array([5, 5]))
    assert len(opened) == 5


def test_what_is_no_image_is_passed_over(root: Path) -> None:
    (root / "0" / "notes.txt").write_text("x")
    (root / "0" / ".hidden.png").write_text("x")
    (root / "0" / "deeper.png").mkdir()
    os.mkfifo(root / "0" / "pipe.png")
    (root / ".cache").mkdir()
    (root / "__MACOSX").mkdir()
    (root / "metadata.parquet").write_text("x")
    source = open_source(SourceSpec(str(root)))
    assert len(source) == 9
    assert source.class_names == ("0", "1", "2")


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "bmp", "gif", "tif", "tiff", "webp", "Png"])
def test_every_suffix_is_read(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        image_of(IMAGES[0]).save(tmp_path / name / f"x.{suffix}")
    source = open_source(SourceSpec(str(tmp_path)))
    pixels = source.read_images(np.arange(2))
    assert pixels.shape == (2, HEIGHT, WIDTH, 3)
    if suffix in ("bmp", "tif", "tiff", "Png"):
        assert np.array_equal(pixels[1], IMAGES[0])


# Splits


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    write_class_folders(tmp_path / "splits" / "train", IMAGES, LABELS)
    write_class_folders(tmp_path / "splits" / "test", IMAGES[:3] ^ 255, LABELS[:3])
    return tmp_path / "splits"


def test_splits_below_one_root(splits: Path) -> None:
    plain, train = open_source(SourceSpec(str(splits))), open_source(SourceSpec(f"{splits}:train"))
    test = open_source(SourceSpec(f"{splits}:test"))
    assert (plain.split, train.split, test.split) == ("train", "train", "test")
    assert np.array_equal(plain.read_images(np.arange(9)), IMAGES[ORDER])
    assert np.array_equal(train.read_images(np.arange(9)), IMAGES[ORDER])
    assert np.array_equal(test.read_images(np.arange(3)), (IMAGES[:3] ^ 255)[[1, 2, 0]])


def test_a_test_folder_named_by_itself_is_a_test_split(splits: Path) -> None:
    assert open_source(SourceSpec(str(splits / "test"))).split == "test"
    assert open_source(SourceSpec(str(splits / "train"))).split == "train"
    assert open_source(SourceSpec(f"{splits / 'test'}:test")).split == "test"
    assert "train split in it" in refusal(f"{splits / 'test'}:train")


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_other_names_of_held_out_folders(splits: Path, name: str) -> None:
    (splits / "test").rename(splits / name)
    assert len(open_source(SourceSpec(f"{splits}:test"))) == 3
    for text in (splits / name, f"{splits}:val", f"{splits}:valid", f"{splits}:validation"):
        assert open_source(SourceSpec(str(text))).split == "validation"


def test_validation_and_test_beside_each_other(splits: Path) -> None:
    write_class_folders(splits / "val", IMAGES[3:6] ^ 255, LABELS[3:6])
    assert open_source(SourceSpec(f"{splits}:val")).row_name(0) == "0/0000.png"
    assert len(open_source(SourceSpec(f"{splits}:val"))) == 3
    assert open_source(SourceSpec(f"{splits}:test")).split == "test"
    for text in (f"{splits}:valid", str(splits / "val")):
        with pytest.raises(InputDataError, match="this is a validation split"):
            refuse_test_split(open_source(SourceSpec(text)), "a training set made")


def test_a_relative_test_folder_is_recognised(
    splits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(splits / "test")
    assert open_source(SourceSpec(".")).split == "test"


def test_a_test_split_has_the_classes_of_train(splits: Path) -> None:
    for file in (splits / "test" / "0").iterdir():
        file.unlink()
    (splits / "test" / "0").rmdir()
    for text in (f"{splits}:test", str(splits / "test")):
        test = open_source(SourceSpec(text))
        assert test.class_names == ("0", "1", "2")
        assert test.labels.tolist() == [1, 2]
        assert [test.row_name(row) for row in (0, 1)] == ["1/0002.png", "2/0000.png"]


def test_a_class_that_train_lacks_is_refused(splits: Path) -> None:
    (splits / "test" / "0").rename(splits / "test" / "zebra")
    assert "test/zebra: " in refusal(f"{splits}:test")


def test_splits_that_are_not_there(root: Path, splits: Path) -> None:
    for file in splits.glob("test/*/*"):
        file.unlink()
    for folder in splits.glob("test/*"):
        folder.rmdir()
    assert "no test split" in refusal(f"{splits}:test")
    for split in ("train", "test"):
        assert f"Leave :{split} off" in refusal(f"{root}:{split}")


def test_classes_called_train_and_test_are_classes(tmp_path: Path) -> None:
    write_class_folders(tmp_path, IMAGES, LABELS)
    (tmp_path / "0").rename(tmp_path / "train")
    (tmp_path / "1").rename(tmp_path / "test")
    source = open_source(SourceSpec(str(tmp_path)))
    assert source.class_names == ("2", "test", "train")
    assert source.split is None


# Size and colour


def test_mixed_sizes_are_told_and_mended_by_size(root: Path) -> None:
    Image.new("RGB", (30, 14)).save(root / "1" / "0006.png")
    message = refusal(root)
    assert message.startswith(f"{root}/1/0006.png: 14x30 pixels")
    assert f"0/0001.png, has {HEIGHT}x{WIDTH}" in message
    # Eight images of 12x20 and one of 14x30: between the sides of 14 and 20 in the middle.
    assert "--size 17, which is the median side" in message
    source = open_source(SourceSpec(str(root), size=(10, 8)))
    assert source.image_shape == (10, 8, 3)
    assert source.read_images(np.arange(9)).shape == (9, 10, 8, 3)


def test_colour_is_grey_only_if_each_class_is(tmp_path: Path) -> None:
    write_class_folders(tmp_path, IMAGES[:, :, :, :1], LABELS)
    assert open_source(SourceSpec(str(tmp_path))).image_shape[2] == 1
    assert open_source(SourceSpec(str(tmp_path), colour="rgb")).image_shape[2] == 3
    image_of(IMAGES[0]).save(tmp_path / "1" / "0000.png")
    assert open_source(SourceSpec(str(tmp_path))).image_shape[2] == 3
    assert open_source(SourceSpec(str(tmp_path), colour="grey")).image_shape[2] == 1


# Everything that can be wrong


def test_shapes_that_are_no_class_folders(tmp_path: Path) -> None:
    assert "no class folders" in refusal(tmp_path)
    (tmp_path / "cats").mkdir()
    told = refusal(tmp_path)
    assert "only one class folder, cats" in told
    assert "nobody has labelled go beside labelled ones: --unlabelled" in told
    write_class_folders(tmp_path / "cats", IMAGES, LABELS)
    assert f"Did you mean {tmp_path}/cats?" in refusal(tmp_path)


def test_an_empty_folder_is_no_class_and_is_told(root: Path, tmp_path: Path) -> None:
    classes = open_source(SourceSpec(str(root))).class_names
    (root / "empty").mkdir()
    source = open_source(SourceSpec(str(root)))
    assert source.class_names == classes
    assert [(item.name, item.reason) for item in source.left_out()] == [
        ("empty", "an empty folder")
    ]
    (root / "empty" / "notes.txt").write_text("x")
    told = refusal(root)
    assert told.startswith(f"{root}/empty: no images in this class folder, though 1 other")

    both = tmp_path / "both"
    for split in ("train", "test"):
        write_class_folders(both / split, IMAGES, LABELS)
        (both / split / "empty").mkdir()
    first = both / "test" / classes[0]
    shutil.rmtree(first)
    first.mkdir()  # of a class that is known there is no test image
    train, test = (open_source(SourceSpec(f"{both}:{split}")) for split in ("train", "test"))
    assert train.class_names == test.class_names == classes
    assert set(np.unique(test.labels).tolist()) == {*range(1, len(classes))}


def test_links_out_of_the_root_are_refused(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    image_of(IMAGES[0]).save(secret / "x.png")
    link = root / "1" / "link.png"
    link.symlink_to(secret / "x.png")
    assert refusal(root).startswith(f"{link}: this link leads out")
    link.unlink()
    (root / "3").symlink_to(secret)
    assert refusal(root).startswith(f"{root}/3: this link leads out")
    (root / "3").unlink()
    link.symlink_to(tmp_path / "nowhere.png")
    assert "leads out" in refusal(root)


def test_links_inside_the_root_are_followed(root: Path, tmp_path: Path) -> None:
    (root / "1" / "link.png").symlink_to(root / "0" / "0001.png")
    (tmp_path / "alias").symlink_to(root)
    source = open_source(SourceSpec(str(tmp_path / "alias")))
    assert len(source) == 10
    place = [source.row_name(row) for row in range(10)].index("1/link.png")
    assert np.array_equal(source.read_images(np.array([place]))[0], IMAGES[1])


def test_links_out_of_the_root_are_followed_when_asked(root: Path, tmp_path: Path) -> None:
    (tmp_path / "away" / "deep").mkdir(parents=True)
    image_of(IMAGES[0] ^ 255).save(tmp_path / "away" / "deep" / "x.png")
    (root / "3").symlink_to(tmp_path / "away")
    (root / "1" / "link.png").symlink_to(tmp_path / "away" / "deep" / "x.png")
    assert "--follow-links" in refusal(root)
    source = open_source(SourceSpec(str(root), options=SourceOptions(follow_links=True)))
    assert source.class_names == ("0", "1", "2", "3")
    assert source.row_name(10) == "3/deep/x.png"
    assert np.array_equal(source.read_images(np.array([10]))[0], IMAGES[0] ^ 255)
    recorded = rows_of(SourceSpec(str(root)), source)
    assert recorded.options == SourceOptions(nested=True, follow_links=True)
    assert SourceRows.model_validate_json(recorded.model_dump_json()) == recorded
    assert len(open_rows(recorded)[1]) == 11


# Folders in class folders


def test_images_deeper_in_a_class_folder(root: Path) -> None:
    (root / "1" / "b" / "c").mkdir(parents=True)
    (root / "1" / "a").mkdir()
    (root / "1" / "__MACOSX").mkdir()
    for row, name in enumerate(("b/c/z.png", "b/y.png", "a/x.png", "__MACOSX/w.png")):
        image_of(IMAGES[row] ^ 255).save(root / "1" / name)
    source = open_source(SourceSpec(str(root)))
    names = [source.row_name(row) for row in np.flatnonzero(source.labels == 1).tolist()]
    assert names[3:] == ["1/a/x.png", "1/b/y.png", "1/b/c/z.png"]
    assert np.array_equal(source.read_images(np.array([8]))[0], IMAGES[0] ^ 255)


def test_a_record_of_before_leaves_deeper_images_out(root: Path) -> None:
    before = rows_of(SourceSpec(str(root)), open_source(SourceSpec(str(root))))
    assert "options" not in json.loads(before.model_dump_json())
    (root / "0" / "deep").mkdir()
    image_of(IMAGES[0]).save(root / "0" / "deep" / "x.png")
    whole, _ = open_rows(before)
    assert len(whole) == 9
    assert len(open_source(SourceSpec(str(root)))) == 10


def test_folders_in_a_circle_are_told(root: Path) -> None:
    (root / "1" / "deep").mkdir()
    (root / "1" / "deep" / "up").symlink_to(root / "1")
    assert "in a circle" in refusal(root)


def test_a_class_of_photographs_that_are_not_read(root: Path) -> None:
    (root / "3").mkdir()
    (root / "3" / "IMG_1.HEIC").write_bytes(b"")
    assert "IMG_1.HEIC is a HEIC photograph" in refusal(root)
    (root / "3" / "IMG_1.HEIC").rename(root / "3" / "scan.dcm")
    assert "dcmj2pnm" in refusal(root)
    (root / "3" / "scan.dcm").unlink()
    (root / "3" / "x.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    assert f"{root}/3/x.jpg: it is a HEIC photograph" in refusal(root)
    (root / "3" / "x.jpg").write_bytes(bytes(128) + b"DICM" + bytes(200))
    assert f"{root}/3/x.jpg: it is a DICOM file" in refusal(root)


def test_links_in_a_circle_are_told(root: Path) -> None:
    (root / "1" / "link.png").symlink_to("link.png")
    assert str(root) in refusal(root)


def test_each_class_folder_is_listed_once_and_no_file_is_looked_at(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    looked_at: list[str] = []
    scandir, lstat = os.scandir, os.lstat

    def list_folder(path: Path) -> object:
        listed.append(str(path))
        return scandir(path)

    def look_at(path: Path, **more: int) -> os.stat_result:
        looked_at.append(str(path))
        return lstat(path, **more)

    monkeypatch.setattr(os, "scandir", list_folder)
    monkeypatch.setattr(os, "lstat", look_at)
    open_source(SourceSpec(str(root)))
    assert [listed.count(f"{root}/{name}") for name in "012"] == [1, 1, 1]
    assert not any(path.endswith(".png") for path in looked_at)
