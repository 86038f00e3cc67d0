"""What the figures of the report share: colours, letters, bytes."""

import io

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from augfactory.guarded.text import escaped
from augfactory.report.figures.letters import drawable

DOTS_PER_INCH = 150
INK, FAINT, RULE = "#222222", "#777777", "#e2e2e2"
BLUE, RED, GREEN = "#0a6ebd", "#d1495b", "#2e8b57"


def new_figure(width: int, height: int) -> Figure:
    """Return an empty figure of ``width`` by ``height`` pixels."""
    figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def png_of(figure: Figure) -> bytes:
    """Return the figure as a PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def label(text: str, longest: int) -> str:
    """Return both ends of a long text for a figure; a dollar sign is no mathematics."""
    text, start = escaped(text), longest // 2
    short = text if len(text) <= longest else f"{text[:start]}…{text[start + 1 - longest :]}"
    return drawable(short).replace("$", r"\$")


def only_left_and_bottom(axes: Axes) -> None:
    """Take away the upper and right side of the frame and put the grid beneath the data."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)
