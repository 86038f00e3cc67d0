"""Folders of other tasks than classification are told apart; no advice destroys anything."""

import re
from pathlib import Path

import numpy as np
import pytest

from augfactory.errors import InputDataError
from augfactory.records import SourceSpec
from augfactory.sources.opening import open_source
from tests.sources.written import image_of, noise, write_class_folders

BOXES, MASKS = "boxes", "masks"
LAYOUTS = {  # file -> what is in it: an image at None
    "segmentation": (["images/1.png", "images/2.png", "masks/1.png", "masks/2.png"], MASKS),
    "segmentation in splits": (["train/Images/1.png", "train/Masks/1.png"], MASKS),
    "YOLO": (["images/1.png", "images/2.png", "labels/1.txt", "data.yaml"], BOXES),
    "YOLO with splits inside": (["images/train/1.png", "labels/train/1.txt"], BOXES),
    "YOLO in splits": (["train/images/1.png", "train/labels/1.txt", "valid/images/2.png"], BOXES),
    "COCO": (["train2017/1.png", "val2017/1.png", "annotations/instances.json"], BOXES),
    "COCO in splits": (["train/1.png", "train/_annotations.coco.json"], BOXES),
    "Pascal VOC": (["JPEGImages/1.png", "Annotations/1.xml"], BOXES),
}
IMAGE = noise(1, 12, 20, 3)[0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_and_masks_are_no_classes(tmp_path: Path, layout: str) -> None:
    files, what = LAYOUTS[layout]
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".png"):
            image_of(IMAGE).save(path)
        else:
            path.write_text("{}")
    with pytest.raises(InputDataError) as caught:
        open_source(SourceSpec(str(tmp_path)))
    assert "augfactory is for classification only" in caught.value.what
    assert what in caught.value.what
    assert "folder named after its class" in caught.value.remedy
    assert not re.search("remove|delete|rm ", str(caught.value))


def test_classes_of_such_names_are_classes(tmp_path: Path) -> None:
    images = noise(6, 12, 20, 3)
    write_class_folders(tmp_path, images, np.arange(6) % 3)
    for old, new in (("0", "labels"), ("1", "annotations"), ("2", "images")):
        (tmp_path / old).rename(tmp_path / new)
    (tmp_path / "labels" / "notes.txt").write_text("x")
    (tmp_path / "annotations" / "notes.json").write_text("{}")
    source = open_source(SourceSpec(str(tmp_path)))
    assert source.class_names == ("annotations", "images", "labels")


def test_a_measure_is_no_class(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=noise(3, 12, 20, 3), labels=np.array([0.5, 2.0, 3.25]))
    with pytest.raises(InputDataError, match="classification only") as caught:
        open_source(SourceSpec(str(tmp_path / "set.npz")))
    assert "the label of row 0, 0.5, is no whole number" in caught.value.what
    assert "divide the measure into classes" in caught.value.remedy
