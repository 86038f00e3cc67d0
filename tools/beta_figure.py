"""Draw docs/images/beta.png: what Beta(α, α) makes of two images that are mixed.

`python tools/beta_figure.py` writes it; `python tools/beta_figure.py FILE.png` writes it elsewhere.
The left side is the density, the right side is drawn by augfactory's own generator.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure, SubFigure
from scipy import stats

from augfactory.arrays.simplex import beta_rows
from augfactory.keyed_random import generator
from augfactory.report.figures.drawing import (
    COLOURS,
    INK,
    SMALL,
    dress,
    headed_figure,
    png_of,
)

FILE = Path(__file__).parents[1] / "docs" / "images" / "beta.png"
PIXELS = (1200, 620)
ALPHAS = (0.1, 0.2, 0.4, 1.0, 4.0)
DRAWS = 100_000
HIGHEST = 4.0  # of the density; it has no bound at 0 and 1 where alpha is below 1


def beta_figure() -> Figure | SubFigure:
    """Return the figure: densities, and how much of the other image mixtures hold."""
    figure = headed_figure(
        *PIXELS,
        "How much of each image: λ from Beta(α, α)",
        "a small α leaves most images nearly whole, 1 makes every mixture equally likely, "
        "a large α makes halves",
    )
    left, right = figure.subplots(1, 2)
    shares = np.linspace(0.002, 0.998, 499)
    for alpha, colour in zip(ALPHAS, COLOURS, strict=False):
        density = stats.beta.pdf(shares, alpha, alpha)
        left.plot(shares, density, color=colour, linewidth=1.8, label=f"α = {alpha:g}")
        drawn = beta_rows(alpha, DRAWS, generator("beta figure", f"{alpha:g}"))
        other = np.sort(100 * np.minimum(drawn, 1 - drawn))
        at_least = 100 * (1 - np.arange(DRAWS) / DRAWS)
        right.plot(other, at_least, color=colour, linewidth=1.8)
    left.set_ylim(0, HIGHEST)
    left.set_xlabel("λ, the share of the first image")
    left.set_ylabel("density")
    right.set_xlim(0, 50)
    right.set_ylim(0, 100)
    right.set_xlabel(f"of the lesser image at least, % ({DRAWS:,} drawn)")
    right.set_ylabel("share of the mixtures, %")
    for axes in (left, right):
        dress(axes, "both")
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=len(ALPHAS),
        frameon=False, fontsize=SMALL, labelcolor=INK,
    )  # fmt: skip
    return figure


def main() -> None:
    """Write the figure to FILE, or to the path that is given."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    path.write_bytes(png_of(beta_figure()))


if __name__ == "__main__":
    main()
