"""The figures of a training: its course, reconstructions, and images around encoded ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from augfactory.records import UInt8Array
from augfactory.report.figures.drawing import FAINT, INK, new_figure, png_of
from augfactory.vae.history import HistoryRow

LOSS, RECONSTRUCTION, KL, VALIDATION = "#0a6ebd", "#2e8b57", "#d1495b", "#8a5fbf"
SMALLEST_TILE = 80
GAP, WIDE_GAP = 6, 26
MARGIN, TITLE, CAPTION = 30, 92, 34
LETTER = 10  # pixels, a mean letter at the size of labels
LONGEST_LABEL = 18
VALUE_GAP, VALUE_LINE = 10, 19  # pixels: right of a curve, from one value to the next


@dataclass(frozen=True)
class Strip:
    """One line of pictures: a label on the left, and groups uint8 [n, H, W, C] of pictures."""

    label: str
    groups: tuple[UInt8Array, ...]


def loss_figure(
    history: Sequence[HistoryRow],
    reached: Mapping[float, int],
    warmup: int,
    subtitle: str,
    kept: int | None = None,
) -> bytes:
    """Return a PNG: loss and reconstruction above, KL below, against steps.

    ``reached`` maps the losses of the kept checkpoints to the steps where they were reached;
    ``warmup`` is the step where the KL term had its full weight; ``kept`` is the step whose weights
    the model has, where that is not the last one.
    """
    figure = new_figure(1200, 810)
    upper = figure.add_axes((0.095, 0.375, 0.84, 0.455))
    lower = figure.add_axes((0.095, 0.105, 0.84, 0.2), sharex=upper)
    steps = [row.step for row in history]
    _draw(upper, steps, [row.loss for row in history], "loss = reconstruction + KL", LOSS)
    _draw(upper, steps, [row.reconstruction for row in history], "reconstruction", RECONSTRUCTION)
    watched = [row.validation_loss for row in history if row.validation_loss is not None]
    if watched:
        _draw(upper, steps, watched, "loss of held-out images", VALIDATION)
    _draw(lower, steps, [row.kl for row in history], "KL", KL)
    losses = {row.step: row.loss for row in history}
    _mark_checkpoints(upper, losses, reached)
    if kept is not None and kept != steps[-1]:
        _mark_kept(upper, lower, kept, losses[kept])
    _shade_warmup(upper, lower, warmup, steps[-1])
    _dress_curves(upper, lower, [*losses.values(), *watched])
    _write_last_values(upper)
    _write_last_values(lower)
    figure.text(0.095, 0.94, "Training of the VAE", size=13, weight="bold", color=INK)
    figure.text(0.095, 0.9, subtitle, size=8.5, color=FAINT)
    return png_of(figure)


def picture_figure(
    title: str, subtitle: str, captions: Sequence[str], strips: Sequence[Strip], block: int = 1
) -> bytes:
    """Return a PNG of lines of pictures, magnified by a whole number, pixels kept square.

    ``captions`` stand above the groups, which all lines have alike; there is a wider gap after
    every ``block`` lines.
    """
    height, width, _ = strips[0].groups[0].shape[1:]
    scale = max(1, -(-SMALLEST_TILE // max(height, width)))
    height, width = height * scale, width * scale
    labels = [_shortened(strip.label) for strip in strips]
    lefts = [MARGIN + LETTER + LETTER * max(map(len, labels))]
    for place in range(len(captions)):
        pictures = max(len(strip.groups[place]) for strip in strips)
        lefts.append(lefts[-1] + pictures * (width + GAP) + WIDE_GAP)
    tops = [
        TITLE + CAPTION + line * (height + GAP) + (line // block) * (WIDE_GAP if block > 1 else 0)
        for line in range(len(strips))
    ]
    page_width = max(lefts[-1] - WIDE_GAP + MARGIN, 2 * MARGIN + LETTER * len(subtitle))
    page = np.full((tops[-1] + height + MARGIN, page_width, 3), 255, dtype=np.uint8)
    for strip, top in zip(strips, tops, strict=True):
        for group, left in zip(strip.groups, lefts[:-1], strict=True):
            for place, image in enumerate(group):
                x = left + place * (width + GAP)
                enlarged = image.repeat(scale, axis=0).repeat(scale, axis=1)
                page[top : top + height, x : x + width] = enlarged
    words = [(MARGIN, top + height // 2, label) for top, label in zip(tops, labels, strict=True)]
    heads = zip(lefts[:-1], captions, strict=True)
    words += [(left, TITLE + CAPTION // 2, caption) for left, caption in heads]
    return _page(page, title, subtitle, words)


def _page(
    page: UInt8Array, title: str, subtitle: str, words: Sequence[tuple[int, int, str]]
) -> bytes:
    """Return ``page`` as a PNG, pixel for pixel, with words at (x, y) in its pixels."""
    height, width = page.shape[:2]
    figure = new_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(page, interpolation="none", aspect="auto", extent=(0, width, height, 0))
    axes.text(MARGIN, 34, title, size=13, weight="bold", color=INK, va="center")
    axes.text(MARGIN, 68, subtitle, size=8.5, color=FAINT, va="center")
    for x, y, text in words:
        axes.text(x, y, text, size=8.5, color=INK, va="center")
    return png_of(figure)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"


def _draw(axes: Axes, steps: list[int], values: Sequence[float], label: str, colour: str) -> None:
    marker = "o" if len(steps) == 1 else None
    axes.plot(steps, values, color=colour, linewidth=1.6, label=label, marker=marker, gid="course")


def _write_last_values(axes: Axes) -> None:
    """Write the last value of each curve right of its end, one above the other."""
    axes.get_ylim()  # settles limits that are still to be computed
    ends = []
    for line in axes.get_lines():
        if line.get_gid() == "course":
            x, y = (float(np.asarray(values)[-1]) for values in line.get_data())
            ends.append((float(axes.transData.transform((x, y))[1]), x, y, str(line.get_color())))
    ends.sort()
    for (height, x, y, colour), shown in zip(ends, _spread([end[0] for end in ends]), strict=True):
        axes.annotate(
            f"{y:.1f}", (x, y), xytext=(VALUE_GAP, shown - height), textcoords="offset pixels",
            size=8.5, color=colour, weight="bold", va="center", annotation_clip=False,
        )  # fmt: skip


def _spread(heights: Sequence[float]) -> list[float]:
    """Return rising heights that are ``VALUE_LINE`` apart, as near to the given ones as can be."""
    blocks: list[tuple[float, int]] = []  # its middle, its lines
    for height in heights:
        middle, lines = height, 1
        while blocks and middle - blocks[-1][0] < VALUE_LINE * (lines + blocks[-1][1]) / 2:
            other, more = blocks.pop()
            middle, lines = (middle * lines + other * more) / (lines + more), lines + more
        blocks.append((middle, lines))
    return [
        middle + VALUE_LINE * (place - (lines - 1) / 2)
        for middle, lines in blocks
        for place in range(lines)
    ]


def _mark_kept(upper: Axes, lower: Axes, step: int, loss: float) -> None:
    for axes in (upper, lower):
        axes.axvline(
            step, color=INK, linewidth=1, linestyle=":",
            label=f"weights kept: step {step:,}, loss {loss:.1f}" if axes is lower else None,
        )  # fmt: skip


def _mark_checkpoints(
    axes: Axes, losses: Mapping[int, float], reached: Mapping[float, int]
) -> None:
    for loss, step in reached.items():
        axes.plot([step], [losses[step]], marker="D", markersize=5, color=INK, zorder=5)
        axes.annotate(
            f"loss-{loss:g}", (step, losses[step]), xytext=(6, 5), textcoords="offset points",
            size=8, color=INK,
        )  # fmt: skip


def _shade_warmup(upper: Axes, lower: Axes, warmup: int, last: int) -> None:
    end = min(warmup, last)
    if end <= 0:
        return
    for axes in (upper, lower):
        axes.axvspan(0, end, color=FAINT, alpha=0.1, linewidth=0)
    upper.annotate(
        "KL weight rises", (0, 0), xycoords="axes fraction", xytext=(5, 5),
        textcoords="offset points", size=8, color=FAINT,
    )  # fmt: skip


def _dress_curves(upper: Axes, lower: Axes, losses: Sequence[float]) -> None:
    if max(losses) > 2 * min(losses) > 0:
        upper.set_yscale("log")
        upper.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        upper.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        upper.yaxis.set_minor_locator(NullLocator())
    for axes in (upper, lower):
        axes.set_ylabel("nats per image", size=9, color=INK)
        axes.yaxis.set_label_coords(-0.08, 0.5)
    lower.set_xlabel("optimiser steps", size=9, color=INK)
    lower.set_ylim(bottom=0)
    lower.set_xlim(left=0)
    upper.tick_params(labelbottom=False)
    for axes in (upper, lower):
        axes.tick_params(labelsize=8.5, colors=INK, length=3)
        axes.grid(axis="y", color="#e6e6e6", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.01, 0.98), ncols=4, frameon=False, fontsize=8.5,
            labelcolor=INK, columnspacing=1.4, handlelength=1.6,
        )  # fmt: skip
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
