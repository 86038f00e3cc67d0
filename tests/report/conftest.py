"""What the tests of figures share."""

from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from augfactory.report.figures.drawing import png_of

DRAWING = (
    *("arms_figure", "calibration_figures", "class_figures"),
    *("evaluation_figures", "training_figures"),
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Keep every figure before it becomes a PNG."""
    return _kept(monkeypatch, png_of)


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Keep every figure with all in its place, and make no PNG of it."""

    def without_pixels(figure: Figure) -> bytes:
        figure.draw_without_rendering()
        return b""

    return _kept(monkeypatch, without_pixels)


def _kept(patch: pytest.MonkeyPatch, draw: Callable[[Figure], bytes]) -> list[Figure]:
    figures: list[Figure] = []

    def keep(figure: Figure) -> bytes:
        figures.append(figure)
        return draw(figure)

    for module in DRAWING:
        patch.setattr(f"augfactory.report.figures.{module}.png_of", keep)
    return figures
