"""Reports without their figures, for tests that do not look at them: drawing takes seconds."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from augfactory.report import page_figures
from augfactory.store.disk.atomic import write_file

FIGURES = (
    *("accuracy_figure", "arms_figure", "curves_figure", "epochs_figure"),
    *("reliability_figure", "confusion_figure", "gains_figure"),
)


def blank(width: int, height: int) -> bytes:
    """Return a PNG of one colour."""
    data = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 60)).save(data, "PNG")
    return data.getvalue()


def write_no_report(patch: pytest.MonkeyPatch) -> None:
    """Let an evaluation write the names of what is drawn, and nothing in it."""

    def undrawn(out: Path, *_: object) -> list[Path]:
        written = [out / "accuracy.png", out / "report.html"]
        for path in written:
            write_file(path, b"not drawn")
        return written

    patch.setattr("augfactory.commands.evaluate.report.write_report", undrawn)


def draw_nothing(patch: pytest.MonkeyPatch, png: bytes) -> None:
    """Let each figure of a report be this picture."""
    for name in FIGURES:
        patch.setattr(page_figures, name, lambda *_: png)


@contextlib.contextmanager
def all_figures(png: bytes) -> Iterator[None]:
    """Let each figure of a report be this picture, in the block."""
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch, png)
        yield
