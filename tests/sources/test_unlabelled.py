"""Images without labels: plain folders, arrays of images alone, and any SOURCE."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augfactory.commands.opening.unlabelled import gather_unlabelled
from augfactory.commands.progress import Progress
from augfactory.errors import InputDataError
from augfactory.records import SourceOptions, SourceSpec
from augfactory.sources.unlabelled import open_unlabelled
from tests.evaluation.memory import memory_source
from tests.sources.written import noise

SHAPE = (9, 14, 3)


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def test_a_plain_folder_at_any_depth(tmp_path: Path) -> None:
    images = noise(4, *SHAPE)
    for name, image in zip(("b/2.png", "a.png", "b/1.png", "b/c/0.PNG"), images, strict=True):
        write(tmp_path / name, image)
    write(tmp_path / ".hidden/x.png", images[0])
    write(tmp_path / ".y.png", images[0])
    (tmp_path / "b" / "notes.txt").write_text("no image")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    found = open_unlabelled(SourceSpec(str(tmp_path)))
    assert [found.row_name(row) for row in range(len(found))] == [
        "a.png", "b/1.png", "b/2.png", "b/c/0.PNG", "link.png",
    ]  # fmt: skip
    np.testing.assert_array_equal(found.read_images(np.arange(5)), images[[1, 2, 0, 3, 1]])
    assert found.class_names == ("unlabelled",)
    assert not found.labels.any()


def test_links_out_of_the_folder_are_followed_where_they_are_asked_for(tmp_path: Path) -> None:
    """They are refused otherwise: left out in silence, a set would be smaller than it looks."""
    images = noise(2, *SHAPE)
    write(tmp_path / "elsewhere" / "deep" / "0.png", images[0])
    write(tmp_path / "more" / "1.png", images[1])
    (tmp_path / "more" / "0.png").symlink_to(tmp_path / "elsewhere" / "deep" / "0.png")
    (tmp_path / "more" / "all").symlink_to(tmp_path / "elsewhere")
    spec = SourceSpec(str(tmp_path / "more"))
    with pytest.raises(InputDataError, match=r"0\.png: this link leads out of .*more"):
        open_unlabelled(spec)
    found = open_unlabelled(replace(spec, options=SourceOptions(follow_links=True)))
    assert [found.row_name(row) for row in range(3)] == ["0.png", "1.png", "all/deep/0.png"]
    np.testing.assert_array_equal(found.read_images(np.arange(3)), images[[0, 1, 0]])


def test_images_alone_in_npz_and_the_split_of_class_folders(tmp_path: Path) -> None:
    images = noise(6, *SHAPE)
    np.savez(tmp_path / "more.npz", images=images)
    found = open_unlabelled(SourceSpec(str(tmp_path / "more.npz")))
    np.testing.assert_array_equal(found.read_images(np.array([5, 0])), images[[5, 0]])
    for split, own in (("train", images[:4]), ("test", images[4:])):
        for row, image in enumerate(own):
            write(tmp_path / "set" / split / "ab"[row % 2] / f"{row}.png", image)
    found = open_unlabelled(SourceSpec(str(tmp_path / "set")))
    assert len(found) == 4  # those of train alone
    assert found.class_names == ("unlabelled",)
    np.testing.assert_array_equal(found.read_soft_labels(np.arange(4)), np.ones((4, 1)))
    with pytest.raises(InputDataError, match="test split"):
        open_unlabelled(SourceSpec(f"{tmp_path / 'set'}:test"))


def test_what_holds_no_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    np.savez(tmp_path / "other.npz", counts=np.arange(3))
    (tmp_path / "broken.npz").write_bytes(b"PK no zip")
    for name in ("empty", "other.npz", "broken.npz", "nothing"):
        with pytest.raises(InputDataError):
            open_unlabelled(SourceSpec(str(tmp_path / name)))


def test_labelled_images_are_left_out_and_the_rest_is_converted(tmp_path: Path) -> None:
    images = noise(7, *SHAPE)
    np.savez(tmp_path / "all.npz", images=images)
    labelled = memory_source(images[[4, 1]], np.array([0, 1]))
    rows, found = gather_unlabelled(SourceSpec(str(tmp_path / "all.npz")), labelled, Progress())
    assert rows.rows == (0, 2, 3, 5, 6)
    np.testing.assert_array_equal(found.read_images(np.arange(5)), images[[0, 2, 3, 5, 6]])
    with pytest.raises(InputDataError, match="labelled ones"):
        gather_unlabelled(
            SourceSpec(str(tmp_path / "all.npz")),
            memory_source(images, np.arange(7)),
            Progress(),
        )
    grey = memory_source(noise(2, 5, 8, 1), np.array([0, 1]))
    _, found = gather_unlabelled(SourceSpec(str(tmp_path / "all.npz")), grey, Progress())
    assert found.image_shape == (5, 8, 1)
