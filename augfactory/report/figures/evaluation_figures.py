"""The figure of an evaluation: accuracy against factor, originals only as a dashed line."""

import re
from collections.abc import Sequence

from matplotlib.axes import Axes

from augfactory.evaluation.comparison.results import ArmSummary, Summary
from augfactory.guarded.text import escaped
from augfactory.report.figures.drawing import DOTS_PER_INCH, FAINT, INK, new_figure, png_of
from augfactory.report.figures.letters import drawable, width_of, wrapped
from augfactory.report.figures.value_labels import Value, write_values

FIGURE_PIXELS = (1200, 750)
COLOURS = ("#0a6ebd", "#d1495b", "#2e8b57", "#8a5fbf", "#c98a1b", "#4a6572")
SMALL = 8.5  # points
MEAN_RADIUS, SEED_RADIUS, CAP = 7, 5, 4  # pixels, pixels, points
APART, CLOSE = 44, 14  # pixels between the names of ticks, if there is room and at least
ENDS = " +_/.,-"  # where names may be broken
BOTTOM, TICK_LINE = 0.13, 0.028  # of the height
# On the logarithmic axis: between neighbouring places that stand for no factor, between lines that
# share a factor, and from a mean to its seeds.
GAP, LINE_GAP, SEED_GAP = 2.2, 1.05, 0.955
LEGEND_COLUMNS = 3


def accuracy_figure(arms: Sequence[ArmSummary], baseline: str, subtitle: str) -> bytes:
    """Return a PNG of ``FIGURE_PIXELS``: each seed a ring, means joined by a line, ± one std.

    Datasets that differ only in their factor share a line; those without a factor stand apart, on
    the right, under their names. The arm called ``baseline`` is the dashed line.
    """
    others = [arm for arm in arms if arm.name != baseline]
    lines = _lines(others)
    figure = new_figure(*FIGURE_PIXELS)
    shared = [name for name, line in lines.items() if line[0].factor is not None]
    legend_height = 0.05 * -(-(len(shared) + 1) // LEGEND_COLUMNS)
    axes = figure.add_axes((0.095, BOTTOM, 0.875, 0.855 - BOTTOM - legend_height))
    _draw_baseline(axes, next(arm for arm in arms if arm.name == baseline))
    positions = _positions(others)
    drawn = []
    for place, (name, line) in enumerate(lines.items()):
        shift = LINE_GAP ** (place - (len(shared) - 1) / 2) if name in shared else 1.0
        places = [positions[arm.name] * shift for arm in line]
        label = _plain(name, 40) if name in shared else "_no legend"
        colour = COLOURS[place % len(COLOURS)]
        _draw_line(axes, label, line, places, colour)
        drawn.append((line, places, colour))
    _dress(axes, others, positions)
    _write_means(axes, drawn, 100 * next(arm for arm in arms if arm.name == baseline).accuracy.mean)
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.01),
        ncols=LEGEND_COLUMNS,
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    figure.text(0.095, 0.935, "Test accuracy against factor", size=13, weight="bold", color=INK)
    figure.text(0.095, 0.885, _plain(subtitle, 112), size=8.5, color=FAINT)
    return png_of(figure)


def _lines(arms: Sequence[ArmSummary]) -> dict[str, list[ArmSummary]]:
    """Group the arms by name without factor; those that share a factor come first."""
    lines: dict[str, list[ArmSummary]] = {}
    for arm in sorted(arms, key=lambda arm: arm.factor is None):
        name = arm.name if arm.factor is None else arm.series or arm.name
        lines.setdefault(name, []).append(arm)
    return {name: sorted(line, key=lambda arm: arm.factor or 0) for name, line in lines.items()}


def _positions(arms: Sequence[ArmSummary]) -> dict[str, float]:
    """Return where each arm stands on the x axis: at its factor, or right of all factors."""
    positions = {arm.name: float(arm.factor) for arm in arms if arm.factor is not None}
    beyond = max(positions.values(), default=1.0)
    for arm in arms:
        if arm.factor is None:
            beyond *= GAP
            positions[arm.name] = beyond
    return positions


def _draw_baseline(axes: Axes, baseline: ArmSummary) -> None:
    mean, std = _percent(baseline.accuracy)
    if std:
        axes.axhspan(mean - std, mean + std, color=FAINT, alpha=0.13, linewidth=0)
    axes.axhline(
        mean,
        color=INK,
        linewidth=1.3,
        linestyle=(0, (5, 4)),
        label=f"{baseline.name} ({baseline.rows:,} images): {mean:.1f} %",
    )


def _draw_line(
    axes: Axes, name: str, line: list[ArmSummary], places: list[float], colour: str
) -> None:
    means = [_percent(arm.accuracy)[0] for arm in line]
    if any(arm.accuracy.std is not None for arm in line):
        bars = [_percent(arm.accuracy)[1] for arm in line]
        axes.errorbar(
            places,
            means,
            yerr=bars,
            fmt="none",
            ecolor=colour,
            elinewidth=1.2,
            capsize=CAP,
            zorder=3,
        )
    axes.plot(
        places, means, color=colour, linewidth=1.8, marker="o", markersize=6, label=name, zorder=4
    )
    for place, arm in zip(places, line, strict=True):
        values = [100 * value for value in arm.accuracy.values]
        axes.scatter(
            [place * SEED_GAP] * len(values),
            values,
            s=16,
            facecolors="none",
            edgecolors=colour,
            linewidths=0.9,
            zorder=3,
        )


def _write_means(
    axes: Axes, drawn: Sequence[tuple[list[ArmSummary], list[float], str]], baseline: float
) -> None:
    """Write each mean beside its point, where it hides no point and, if it can, no line."""
    values, points = [], []
    lines = [[(place, baseline) for place in axes.get_xlim()]]
    for line, places, colour in drawn:
        means = [_percent(arm.accuracy)[0] for arm in line]
        lines.append(list(zip(places, means, strict=True)))
        for place, mean, arm in zip(places, means, line, strict=True):
            std = _percent(arm.accuracy)[1]
            values.append(Value(place, mean, f"{mean:.1f}", colour))
            points.append((place, mean, MEAN_RADIUS))
            points += [
                (place * SEED_GAP, 100 * value, SEED_RADIUS) for value in arm.accuracy.values
            ]
            lines.append([(place, mean - std), (place, mean + std)])
    write_values(axes, values, points, lines)


def _dress(axes: Axes, arms: Sequence[ArmSummary], positions: dict[str, float]) -> None:
    ticks = sorted(set(positions.values()))
    axes.set_xscale("log")
    axes.set_xlim(min(ticks, default=1.0) / GAP, max(ticks, default=1.0) * GAP)
    names = _tick_names(axes, arms, positions)
    axes.set_xticks(ticks, [names[tick] for tick in ticks], minor=False)
    axes.set_xticks([], minor=True)
    more = TICK_LINE * max((name.count("\n") for name in names.values()), default=0)
    left, bottom, width, height = axes.get_position().bounds
    axes.set_position((left, bottom + more, width, height - more))
    known = [arm.factor for arm in arms if arm.factor is not None]
    if known:
        axes.set_xlabel("images per original, the original among them", size=9, color=INK)
    if known and len(known) < len(arms):
        axes.axvline(max(known) * GAP**0.5, color=FAINT, linewidth=0.8, linestyle=":")
    axes.set_ylabel("test accuracy, %", size=9, color=INK)
    axes.tick_params(labelsize=8.5, colors=INK, length=3)
    axes.grid(axis="y", color="#e2e2e2", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(y=0.12)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _tick_names(
    axes: Axes, arms: Sequence[ArmSummary], positions: dict[str, float]
) -> dict[float, str]:
    """Return what stands beneath each tick: its factor, or a name in lines that have room."""
    size = round(SMALL * DOTS_PER_INCH / 72)
    names = {
        positions[arm.name]: f"×{arm.factor}" if arm.factor else _end(arm.name, 20) for arm in arms
    }
    named = {positions[arm.name] for arm in arms if arm.factor is None}
    where = {tick: float(axes.transData.transform((tick, 0.5))[0]) for tick in names}

    def room(tick: float, between: int) -> int:
        widths = [2 * (FIGURE_PIXELS[0] - where[tick] - CLOSE)]
        for other in names.keys() - {tick}:
            gap = abs(where[other] - where[tick]) - between
            # Two names share what is between them; a factor is short and in one line.
            widths.append(gap if other in named else 2 * gap - width_of(names[other], size))
        return int(min(widths))

    found = {}
    for tick, name in names.items():
        longest = max(width_of(word, size) for word in re.findall(f"[^{ENDS}]+.?", name) or [name])
        wide = room(tick, APART)
        lines = wrapped(name, wide if longest <= wide else room(tick, CLOSE), size, ENDS)
        found[tick] = "\n".join(lines if tick in named else [name]).replace("$", r"\$")
    return found


def _plain(text: str, longest: int) -> str:
    """Return the end of a long name; a dollar sign is no mathematics."""
    return _end(text, longest).replace("$", r"\$")


def _end(text: str, longest: int) -> str:
    text = escaped(text)
    return drawable(text if len(text) <= longest else f"…{text[1 - longest :]}")


def _percent(values: Summary) -> tuple[float, float]:
    return 100 * values.mean, 100 * (values.std or 0.0)
