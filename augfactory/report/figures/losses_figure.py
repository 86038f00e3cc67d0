"""Accuracy against the loss at which a VAE was stopped, a line for each factor."""

from collections.abc import Mapping, Sequence

from matplotlib.ticker import NullLocator

from augfactory.evaluation.comparison.results import ArmSummary
from augfactory.report.figures.drawing import COLOURS, INK, SMALL, dress, headed_figure, png_of
from augfactory.report.figures.evaluation_figures import FIGURE_PIXELS, draw_baseline, draw_line

LINE_GAP = 0.006  # of the loss, between lines that share one
SEED_GAP = 0.994


def losses_figure(
    arms: Mapping[int, Sequence[tuple[float, ArmSummary]]], baseline: ArmSummary, subtitle: str
) -> bytes:
    """Return a PNG of ``FIGURE_PIXELS``: accuracy over the loss of the VAE that made the images.

    Each run is a ring, means are joined by a line with bars of ± one standard deviation, and the
    baseline is the dashed line. The loss falls from left to right, as it does in a training.

    Args:
        arms: factor -> (loss of the VAE in nats per image, arm), in any order.
        baseline: what all are compared with.
        subtitle: one line about what was done.
    """
    figure = headed_figure(*FIGURE_PIXELS, "Test accuracy against the VAE's loss", subtitle)
    axes = figure.add_subplot()
    draw_baseline(axes, baseline)
    for place, (factor, line) in enumerate(sorted(arms.items())):
        ordered = sorted(line, key=lambda point: -point[0])
        shift = 1 + LINE_GAP * (place - (len(arms) - 1) / 2)
        losses = [shift * loss for loss, _ in ordered]
        means = ", ".join(f"{100 * arm.accuracy.mean:.1f}" for _, arm in ordered)
        draw_line(
            axes,
            f"×{factor}: {means} %",
            [arm for _, arm in ordered],
            losses,
            COLOURS[place % len(COLOURS)],
            SEED_GAP,
        )
    known = sorted({loss for line in arms.values() for loss, _ in line})
    axes.set_xticks(known, [f"{loss:g}" for loss in known])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.invert_xaxis()
    axes.set_xlabel("loss of the VAE when it was stopped, nats per image")
    axes.set_ylabel("test accuracy, %")
    axes.margins(x=0.08, y=0.12)
    dress(axes, "y")
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower left", ncols=2, frameon=False,
        fontsize=SMALL, labelcolor=INK,
    )  # fmt: skip
    return png_of(figure)
