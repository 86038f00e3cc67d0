"""Single image files: damaged, cut, huge, of a forbidden kind; only words may come of them."""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from augfactory.errors import InputDataError
from augfactory.records import SourceSpec, UInt8Array
from augfactory.sources.opening import open_source
from augfactory.sources.parsing.image_files import read_image
from tests.sources.written import HEIGHT, WIDTH, encoded, image_of, noise, write_class_folders

IMAGES = noise(9, HEIGHT, WIDTH, 3)
LABELS = np.array([2, 0, 1, 0, 2, 2, 1, 0, 1], dtype=np.uint8)


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


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
def test_a_truncated_file_is_named(root: Path, kind: str, suffix: str) -> None:
    for row, place in enumerate(("0/0000", "1/0004")):
        whole = encoded(image_of(IMAGES[0]), kind)
        path = root / f"{place}.{suffix}"
        path.write_bytes(whole[: len(whole) * 2 // 3])
        assert refusal(root).startswith(f"{path}: cannot be read as an image"), row
        path.unlink()


def test_other_formats_are_refused_whatever_their_name(root: Path) -> None:
    for kind in ("PPM", "ICO", "PDF", "EPS"):
        (root / "2" / "0008.png").write_bytes(encoded(image_of(IMAGES[0]), kind))
        assert refusal(root).startswith(f"{root}/2/0008.png: cannot be read")


def test_huge_images_are_refused_by_their_header(root: Path) -> None:
    path = root / "1" / "0004.png"
    # above our limit, above Pillow's warning, above Pillow's error
    for side, reason in ((8000, "8000x8000 pixels"), (10_000, "limit"), (60_000, "limit")):
        whole = encoded(Image.new("1", (1, 1)))
        header = b"IHDR" + side.to_bytes(4) * 2 + whole[24:29]
        path.write_bytes(whole[:12] + header + zlib.crc32(header).to_bytes(4) + whole[33:])
        message = refusal(root)
        assert message.startswith(f"{path}: ")
        assert reason in message


def test_damaged_exif_is_no_reason_to_refuse_or_to_warn(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    entry = b"\x01\x12\0\x03\0\0\0\x63\xff\xff\xff\xff"  # an orientation beyond the end of the file
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + bytes(4)
    for kind in ("PNG", "JPEG"):
        path.write_bytes(encoded(image_of(IMAGES[0]), kind, exif=exif))
        assert read_image(path, None, 3).shape == (HEIGHT, WIDTH, 3)


def test_files_that_may_not_be_read_are_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: object, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", denied)
        message = refusal(root)
    assert message.startswith(f"{root}/0/0001.png: you may not read it")
    assert "chmod" in message
    monkeypatch.setattr(os, "scandir", denied)
    monkeypatch.setattr(os, "listdir", denied)
    assert refusal(root).startswith(f"{root}: you may not look into it")


def test_a_file_that_goes_away_is_named(root: Path) -> None:
    source = open_source(SourceSpec(str(root)))
    (root / "1" / "0002.png").unlink()
    with pytest.raises(InputDataError, match=r"1/0002\.png: "):
        source.read_images(np.arange(9))


EXAMPLES = [
    encoded(image_of(IMAGES[0]), kind) for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
]


@given(st.sampled_from(EXAMPLES), st.data())
@settings(max_examples=200, deadline=None)
@example(b"", None)
def test_damaged_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject | None
) -> None:
    damaged = bytearray(whole)
    if data is not None:
        for _ in range(data.draw(st.integers(1, 8))):
            damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        del damaged[data.draw(st.integers(0, len(whole))) :]
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(damaged)
    try:
        pixels = read_image(path, (6, 9), 3)
    except InputDataError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
    else:
        assert pixels.shape == (6, 9, 3)
