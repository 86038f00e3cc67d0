"""The figure of an evaluation: accuracy against factor, the baseline as a dashed line."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from augfactory.evaluation.comparison.results import ArmSummary, Summary
from augfactory.report.figures.drawing import (
    COLOURS,
    DASHED,
    DOTS_PER_INCH,
    FAINT,
    INK,
    SMALL,
    dress,
    headed_figure,
    label,
    png_of,
)
from augfactory.report.figures.letters import width_of

FIGURE_PIXELS = (1200, 750)
LONGEST_NAME = 44  # letters, in the legend
# On the logarithmic axis: between arms without a factor, between lines that share a factor, and
# from a mean to its seeds.
GAP, LINE_GAP, SEED_GAP = 1.7, 1.05, 0.955


def accuracy_figure(arms: Sequence[ArmSummary], baseline: str, subtitle: str) -> bytes:
    """Return a PNG of ``FIGURE_PIXELS``: each seed a ring, means joined by a line, ± one std.

    Datasets of one series share a line; arms without a factor are on the right. The legend has the
    means. The arm called ``baseline`` is the dashed line.
    """
    figure = headed_figure(*FIGURE_PIXELS, "Test accuracy against factor", subtitle)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    draw_baseline(axes, next(arm for arm in arms if arm.name == baseline))
    others = [arm for arm in arms if arm.name != baseline]
    known = sorted({arm.factor for arm in others if arm.factor is not None})
    lines = _lines(others)
    shared = sum(line[0].factor is not None for line in lines.values())
    beyond = float(max(known, default=1))
    axes.set_xlim(min(known, default=1) / GAP, beyond * GAP ** (len(lines) - shared + 1))
    for place, (name, line) in enumerate(lines.items()):
        if line[0].factor is None:
            beyond *= GAP
            places = [beyond]
        else:
            shift = LINE_GAP ** (place - (shared - 1) / 2)
            places = [(arm.factor or 1) * shift for arm in line]
        text = f"{label(name, LONGEST_NAME)}: {_numbers(line)}"
        draw_line(axes, text, line, places, COLOURS[place % len(COLOURS)])
    axes.set_xticks(known, [f"×{factor}" for factor in known])
    axes.xaxis.set_minor_locator(NullLocator())
    if known:
        axes.set_xlabel("images per original, the original among them")
    if known and len(lines) > shared:
        axes.axvline(max(known) * GAP**0.5, color=FAINT, linewidth=0.8, linestyle=":")
    axes.set_ylabel("test accuracy, %")
    axes.margins(y=0.12)
    dress(axes, "y")
    entries = axes.get_legend_handles_labels()
    size = round(SMALL * DOTS_PER_INCH / 72)
    narrow = max(width_of(text, size) for text in entries[1]) < 0.42 * FIGURE_PIXELS[0]
    figure.legend(
        *entries, loc="outside lower left", ncols=2 if narrow else 1, frameon=False,
        fontsize=SMALL, labelcolor=INK,
    )  # fmt: skip
    return png_of(figure)


def _lines(arms: Sequence[ArmSummary]) -> dict[str, list[ArmSummary]]:
    """Group the arms by their series; those that have a factor come first."""
    lines: dict[str, list[ArmSummary]] = {}
    for arm in sorted(arms, key=lambda arm: (arm.factor is None, arm.factor or 0)):
        name = arm.name if arm.factor is None else arm.series or arm.name
        lines.setdefault(name, []).append(arm)
    return lines


def _numbers(line: Sequence[ArmSummary]) -> str:
    """Return the means of a line: "86.1", or of several factors "×10 86.1, ×50 87.3"."""
    means = [f"{100 * arm.accuracy.mean:.1f}" for arm in line]
    if line[0].factor is None:
        return f"{means[0]} %"
    return ", ".join(f"×{arm.factor} {mean}" for arm, mean in zip(line, means, strict=True)) + " %"


def draw_baseline(axes: Axes, baseline: ArmSummary) -> None:
    """Draw the baseline's mean as a dashed line, and a band of ± one standard deviation."""
    mean, std = _percent(baseline.accuracy)
    if std:
        axes.axhspan(mean - std, mean + std, color=FAINT, alpha=0.13, linewidth=0)
    name = f"{label(baseline.name, LONGEST_NAME)} ({baseline.rows:,} images): {mean:.1f} %"
    axes.axhline(mean, color=INK, linewidth=1.3, linestyle=DASHED, label=name)


def draw_line(
    axes: Axes,
    text: str,
    line: Sequence[ArmSummary],
    places: Sequence[float],
    colour: str,
    seed_gap: float = SEED_GAP,
) -> None:
    """Join the means of ``line`` at ``places``; each run is a ring, ``seed_gap`` times as far."""
    means, bars = zip(*(_percent(arm.accuracy) for arm in line), strict=True)
    if any(bars):
        axes.errorbar(
            places, means, yerr=bars, fmt="none", ecolor=colour, elinewidth=1.2, capsize=4, zorder=3
        )
    axes.plot(
        places, means, color=colour, linewidth=1.8, marker="o", markersize=6, label=text, zorder=4
    )
    for place, arm in zip(places, line, strict=True):
        values = [100 * value for value in arm.accuracy.values]
        axes.scatter(
            [place * seed_gap] * len(values), values, s=16, facecolors="none", edgecolors=colour,
            linewidths=0.9, zorder=3,
        )  # fmt: skip


def _percent(values: Summary) -> tuple[float, float]:
    return 100 * values.mean, 100 * (values.std or 0.0)
