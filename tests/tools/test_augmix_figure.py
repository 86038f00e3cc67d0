"""The figure of AugMix' three chains."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tests.tools.loaded import load_tool

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_tool("augmix_figure")


def test_what_is_shown_mixes_to_what_is_shown(tool: ModuleType) -> None:
    image = np.random.default_rng(0).integers(0, 256, (17, 22, 3), dtype=np.uint8)
    axes = np.reshape(tool.augmix_figure(image).axes, (tool.CHAINS, tool.STEPS + 3))
    shown = [[own.images[0].get_array() for own in row if own.images] for row in axes]
    numbers = tool.drawn(image)
    depth = [int(numbers[f"depth_{number}"]) for number in range(3)]
    assert [len(row) for row in shown] == [depth[0], depth[1] + 3, depth[2]]
    middle = shown[1]
    assert np.array_equal(middle[0], image)
    ends = [shown[0][-1], middle[depth[1]], shown[2][-1]]
    weights = [numbers[f"weight_{number}"] for number in range(3)]
    mixture = sum(weight * np.asarray(end) for weight, end in zip(weights, ends, strict=True))
    assert np.abs(mixture - middle[-2]).max() <= 0.51
    view = (1 - numbers["share"]) * image + numbers["share"] * mixture
    assert np.abs(view - middle[-1]).max() <= 0.51


def test_an_image_of_ones_own_is_resized_and_what_is_wrong_is_said(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, figure = tmp_path / "images", tmp_path / "f.png"
    for number in range(3):
        place = folder / "aba"[number] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20 + number, 30, 3), 40 * number, dtype=np.uint8)).save(place)

    def draw(*arguments: str) -> None:
        monkeypatch.setattr("sys.argv", ["augmix_figure.py", *arguments])
        tool.main()

    for more, told in (
        (["1", str(figure)], r"(?s)Bring all images to one size: --size"),
        (["3", str(figure), "--size", "16"], "no row 3"),
        (["1", str(figure), "--size", "x"], "not a size"),
    ):
        with pytest.raises(SystemExit, match=told):
            draw(str(folder), *more)
    assert not figure.exists()
    assert tool.image_of(str(folder), 1, "16x12").shape == (16, 12, 3)
    draw(str(folder), "1", str(figure), "--size", "16")
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_the_docs_show_it() -> None:
    assert (ROOT / "docs/images/augmix.png").read_bytes().startswith(b"\x89PNG")
    assert "](images/augmix.png)" in (ROOT / "docs/documents.md").read_text(encoding="utf-8")
