"""The figures of a training: its course, reconstructions, and images around encoded ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from augfactory.records import UInt8Array
from augfactory.report.figures.drawing import (
    FAINT,
    INK,
    SMALL,
    dress,
    headed_figure,
    new_figure,
    png_of,
)
from augfactory.vae.history import HistoryRow

LOSS, RECONSTRUCTION, KL, VALIDATION = "#0a6ebd", "#2e8b57", "#d1495b", "#8a5fbf"
FEW_TICKS = 20  # the range of a logarithmic axis above which ticks would be too close
SMALLEST_TILE = 80
GAP, WIDE_GAP = 6, 26
MARGIN, TITLE, CAPTION = 30, 92, 34
LETTER = 10  # pixels, a mean letter at the size of labels
LONGEST_LABEL = 18


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
    figure = headed_figure(1200, 810, "Training of the VAE", subtitle)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
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
    figure.align_ylabels()
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
    figure.set_layout_engine("none")
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
    """Draw a curve; the legend has its last value."""
    marker = "o" if len(steps) == 1 else None
    text = f"{label}: {values[-1]:.1f}"
    axes.plot(steps, values, color=colour, linewidth=1.6, label=text, marker=marker)


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
    for axes in (upper, lower):
        axes.ticklabel_format(useOffset=False, style="plain")
    if max(losses) > 2 * min(losses) > 0:
        upper.set_yscale("log")
        few = max(losses) > FEW_TICKS * min(losses)
        upper.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1, 1.5, 2, 3, 5, 7)))
        upper.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        upper.yaxis.set_minor_locator(NullLocator())
    lower.set_xlabel("optimiser steps")
    lower.set_ylim(bottom=0)
    lower.set_xlim(left=0)
    for axes in (upper, lower):
        axes.set_ylabel("nats per image")
        dress(axes, "y")
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.01, 0.98), ncols=4, frameon=False, fontsize=SMALL,
            labelcolor="linecolor", columnspacing=1.4, handlelength=1.6,
        )  # fmt: skip
