"""Names of classes and sources that cannot be kept: told when a source is opened, not later."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from augfactory.errors import InputDataError
from augfactory.records import SourceSpec
from augfactory.sources.opening import LONGEST_CLASS_NAME, open_source
from tests.sources.written import HEIGHT, WIDTH, encoded, image_of, noise, write_class_folders

IMAGES = noise(6, HEIGHT, WIDTH, 3)
LABELS = np.array([0, 0, 0, 1, 1, 1])

UNFIT = {
    "\udcff\udcfe": (r"'\xff\xfe'", "not UTF-8 text"),
    "a\nb": (r"'a\x0ab'", r"control character \x0a"),
    "a\x1b[2Jb": (r"'a\x1b[2Jb'", r"control character \x1b"),
    "a\u2028b": (r"'a\u2028b'", r"control character \u2028"),
    "a\x85b": (r"'a\x85b'", r"control character \x85"),
}


def folders(root: Path, name: str) -> str:
    write_class_folders(root / "set", IMAGES, LABELS)
    os.rename(root / "set" / "1", os.fsencode(root / "set") + b"/" + os.fsencode(name))
    return str(root / "set")


def npz(root: Path, name: str) -> str:
    np.savez(root / "set.npz", x=IMAGES, y=LABELS, class_names=np.array(["0", name]))
    return str(root / "set.npz")


def npz_with_splits(root: Path, name: str) -> str:
    names = np.array(["0", name])
    np.savez(root / "two.npz", x_train=IMAGES, y_train=LABELS, class_names=names)
    return str(root / "two.npz")


def hdf5(root: Path, name: str) -> str:
    with h5py.File(root / "set.h5", "w") as file:
        file["image"], file["label"] = IMAGES, LABELS
        file.attrs["class_names"] = json.dumps(["0", name])
    return str(root / "set.h5")


KINDS = (folders, npz, npz_with_splits, hdf5)
Kind = Callable[[Path, str], str]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", UNFIT)
def test_a_class_name_that_cannot_be_kept_is_refused(tmp_path: Path, kind: Kind, name: str) -> None:
    text = kind(tmp_path, name)
    shown, what = UNFIT[name]
    with pytest.raises(InputDataError) as caught:
        open_source(SourceSpec(text))
    assert caught.value.where == f"{text}: class {shown}"
    assert what in caught.value.what
    assert "Rename" in caught.value.remedy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["猫 é", "\u202eabc", "a b", "$x$", "x" * 200])
def test_a_class_name_that_can_is_kept(tmp_path: Path, kind: Kind, name: str) -> None:
    assert set(open_source(SourceSpec(kind(tmp_path, name))).class_names) == {"0", name}


def test_a_class_name_without_end_is_refused(tmp_path: Path) -> None:
    name = "x" * LONGEST_CLASS_NAME
    assert open_source(SourceSpec(hdf5(tmp_path, name))).class_names == ("0", name)
    with pytest.raises(InputDataError, match="4,097 letters") as caught:
        open_source(SourceSpec(npz(tmp_path, name + "x")))
    assert len(str(caught.value)) < 500


def test_a_file_name_that_is_no_utf8_works_and_is_told_whole(tmp_path: Path) -> None:
    write_class_folders(tmp_path, IMAGES, LABELS)
    odd = os.fsencode(tmp_path / "1") + b"/9\xff.png"
    with open(odd, "wb") as file:
        file.write(encoded(image_of(IMAGES[0] ^ 255)))
    source = open_source(SourceSpec(str(tmp_path)))
    assert np.array_equal(source.read_images(np.array([6]))[0], IMAGES[0] ^ 255)
    assert source.row_name(6) == "1/9\udcff.png"
    with open(odd, "wb") as file:
        file.write(b"no image")
    with pytest.raises(InputDataError) as caught:
        source.read_images(np.array([6]))
    assert "9\udcff.png: cannot be read as an image" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("data/\udcff\udcfe", r"data/\xff\xfe", "not UTF-8 text"),
        ("\udcff:train", r"\xff:train", "not UTF-8 text"),
        ("torchvision:\ud800", r"torchvision:\ud800", "not UTF-8 text"),
        ("a\0b", r"a\x00b", "cannot be looked at"),
        ("x" * 5000, "x" * 60 + "…", "this name is too long"),
        ("y/" * 5000, "y/" * 30 + "…", "this name is too long"),
    ],
)
def test_a_source_that_no_path_can_be_is_refused(text: str, where: str, what: str) -> None:
    with pytest.raises(InputDataError) as caught:
        open_source(SourceSpec(text))
    assert caught.value.where == where
    assert what in caught.value.what
