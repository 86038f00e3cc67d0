"""What the tests of figures share."""

import pytest
from matplotlib.figure import Figure

from augfactory.report.drawing import png_of

DRAWING = (
    *("arms_figure", "calibration_figures", "class_figures"),
    *("evaluation_figures", "training_figures"),
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Keep every figure before it becomes a PNG."""
    figures: list[Figure] = []

    def keep(figure: Figure) -> bytes:
        figures.append(figure)
        return png_of(figure)

    for module in DRAWING:
        monkeypatch.setattr(f"augfactory.report.{module}.png_of", keep)
    return figures
