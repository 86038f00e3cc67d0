"""The sheet of what a method makes, drawn without a dataset."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from augfactory.cli.app import app
from augfactory.commands import method_sheet
from augfactory.commands.method_sheet import IMAGES, write_method_sheet
from augfactory.records import SourceSpec
from augfactory.report.contact_sheet import contact_sheet
from augfactory.report.sheet_layout import Line


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    image = random.integers(0, 256, (50, 20, 33, 3), dtype=np.uint8)
    np.savez(tmp_path / "photos.npz", image=image, label=np.arange(50) % 5)
    return tmp_path / "photos.npz"


def test_a_batch_shares_its_boundary_on_the_left_and_not_on_the_right(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Line] = []

    def kept(title: str, left: str, right: str, lines: list[Line]) -> bytes:
        drawn.extend(lines)
        assert (left, right) == ("one boundary for a batch", "a boundary for each image")
        return contact_sheet(title, left, right, lines)

    monkeypatch.setattr(method_sheet, "contact_sheet", kept)
    out = photos.with_name("sheet.png")
    made = write_method_sheet("ricap", SourceSpec(str(photos)), out, {"beta": 0.8}, 3)
    assert made == 2 * IMAGES
    for line in drawn:
        assert len({tile.caption for tile in line.left}) == 1
        assert len({tile.caption for tile in line.right}) > 1
        height, width, _ = line.left[0].image.shape
        row, column = map(int, line.left[0].caption.split(", "))
        # The pixels of the first crop are those of one image of the source, and so is its share.
        assert 0 <= row <= height
        assert 0 <= column <= width
        for tile in line.left:
            assert sum(tile.shares) == pytest.approx(1)
            share = row * column / (height * width)
            assert max(tile.shares) >= share - 1e-6
    assert len({line.left[0].caption for line in drawn}) > 1
    with Image.open(out) as image:
        assert np.asarray(image.convert("L")).std() > 10


@pytest.mark.parametrize("name", ["mixup", "geometry", "augmix"])
def test_every_other_method_has_its_images_on_the_left(
    name: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    words = ["methods", name, "--sheet", "s.png", "--source", "photos.npz", "--json"]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout) == {"name": name, "sheet": "s.png", "images": IMAGES}
    first = Path("s.png").read_bytes()
    assert CliRunner().invoke(app, words).exit_code == 0
    assert Path("s.png").read_bytes() == first
    assert CliRunner().invoke(app, [*words, "--seed", "1"]).exit_code == 0
    assert Path("s.png").read_bytes() != first
    assert Image.open(io.BytesIO(first)).format == "PNG"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["ricap", "--set", "betta=0.1"], "'beta'"),
        (["ricap", "--set", "scope=batch"], "shows both"),
        (["mixup", "--set", "alpha"], "KEY=VALUE"),
        (["posterior"], "there is no method 'posterior'"),
        ([], "Name one"),
    ],
)
def test_what_cannot_be_drawn_is_told(words: list[str], what: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["methods", *words, "--sheet", str(tmp_path / "s.png")])
    assert told.exit_code == 2, told.output
    assert what in told.output
    assert not (tmp_path / "s.png").exists()
