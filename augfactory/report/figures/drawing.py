"""What the figures of the report share: colours, letters, bytes."""

import io
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from augfactory.guarded.text import escaped
from augfactory.report.figures.letters import drawable

DOTS_PER_INCH = 150
INK, FAINT, RULE = "#222222", "#777777", "#e2e2e2"
BLUE, RED, GREEN = "#0a6ebd", "#d1495b", "#2e8b57"
COLOURS = (
    *(BLUE, RED, GREEN, "#8a5fbf", "#c98a1b", "#4a6572", "#b05d9c", "#5a8f29"),
    *("#17a2a2", "#7a4b2a"),
)
DASHED = (0, (5, 4))
SMALL = 8.5  # points
HEADING, LEFT = 104, 24  # pixels
LONGEST_LINE = 104  # letters of a subtitle


def new_figure(width: int, height: int) -> Figure:
    """Return an empty figure of pixels, in which matplotlib makes room for all words."""
    size = (width / DOTS_PER_INCH, height / DOTS_PER_INCH)
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def headed_figure(width: int, height: int, title: str, subtitle: str) -> SubFigure:
    """Return the part of a new figure that is below a title and a subtitle."""
    parts = new_figure(width, height).subfigures(
        2, 1, height_ratios=(HEADING, height - HEADING), squeeze=False
    )
    head: SubFigure = parts[0, 0]
    body: SubFigure = parts[1, 0]
    head.text(LEFT / width, 0.56, title, size=13, weight="bold", color=INK)
    head.text(LEFT / width, 0.2, label(subtitle, LONGEST_LINE), size=SMALL, color=FAINT)
    return body


def png_of(figure: Figure | SubFigure) -> bytes:
    """Return the figure as a PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    root = figure.canvas.figure
    root.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def label(text: str, longest: int) -> str:
    """Return both ends of a long text for a figure; `$` is escaped, which begins math otherwise."""
    text, start = escaped(text), longest // 2
    short = text if len(text) <= longest else f"{text[:start]}…{text[start + 1 - longest :]}"
    return drawable(short).replace("$", r"\$")


def dress(axes: Axes, grid: Literal["both", "x", "y"], size: float = SMALL) -> None:
    """Leave the left and lower side of the frame, and put a grid beneath the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=size, colors=INK, length=3)
    axes.xaxis.label.set(size=size, color=INK)
    axes.yaxis.label.set(size=size, color=INK)
    axes.grid(axis=grid, color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
