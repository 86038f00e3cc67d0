"""Draw docs/images/augmix.png: an image, its three AugMix chains step by step, and their mixture.

`python tools/augmix_figure.py` draws a bundled digit, `python tools/augmix_figure.py SOURCE ROW
FILE.png [--size HxW]` an image of your own. The draws are those of `expand --augmix`, severity 3;
the mixture is `augfactory.methods.augmix` itself.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from augfactory.errors import AugfactoryError, InputDataError
from augfactory.keyed_random import generator
from augfactory.methods.augmix import METHOD, OPERATIONS, AugmixParameters, fields
from augfactory.methods.method import Slots
from augfactory.records import SourceSpec, UInt8Array, read_size
from augfactory.report.figures.drawing import FAINT, INK, SMALL, headed_figure, png_of
from augfactory.sources.opening import open_source

FILE = Path(__file__).parents[1] / "docs" / "images" / "augmix.png"
PIXELS = (1200, 700)
SOURCE, ROW, SEED = "sample:train", 7, 20
CHAINS, STEPS = 3, 3


def image_of(source: str, row: int, size: str | None = None) -> UInt8Array:
    """Return image ``row`` of a SOURCE, uint8 [H, W, C], of ``size`` HxW if it is given.

    Raises:
        AugfactoryError: the source cannot be read so, or has no such row.
    """
    opened = open_source(SourceSpec(source, None if size is None else read_size(size)))
    if not 0 <= row < len(opened):
        raise InputDataError(source, f"it has no row {row}", f"Name one of 0 to {len(opened) - 1}.")
    image: UInt8Array = opened.read_images(np.array([row]))[0]
    return image


def drawn(image: UInt8Array) -> dict[str, float]:
    """Draw what AugMix draws for an image uint8 [H, W, C]: number by name."""
    parameters = AugmixParameters()

    def keyed(what: str, number: int) -> np.random.Generator:
        return generator(SEED, "augmix figure", what, number)

    one = np.zeros(1, dtype=np.int64)
    height, width, channels = image.shape
    draws = METHOD.draw(parameters, Slots(one, one, (height, width, channels), keyed))
    return dict(zip(fields(parameters), draws[0].tolist(), strict=True))


def mixed(image: UInt8Array, numbers: dict[str, float]) -> UInt8Array:
    """Return what AugMix makes of the image by these numbers."""
    row = np.array([[numbers[name] for name in fields(AugmixParameters())]])
    made: UInt8Array = METHOD.apply(AugmixParameters(), image[None, None], row)[0]
    return made


def chain(
    image: UInt8Array, numbers: dict[str, float], number: int
) -> list[tuple[str, UInt8Array]]:
    """Return the operations of a chain and the image after each."""
    found = []
    for step in range(int(numbers[f"depth_{number}"])):
        name = [*OPERATIONS][int(numbers[f"operation_{number}_{step}"])]
        level = np.array([numbers[f"level_{number}_{step}"]])
        sign = np.array([numbers[f"sign_{number}_{step}"]])
        image = OPERATIONS[name](image[None], level, sign, AugmixParameters().fill_value)[0]
        found.append((name, image))
    return found


def augmix_figure(image: UInt8Array) -> Figure | SubFigure:
    """Return the figure of an image uint8 [H, W, C]."""
    numbers = drawn(image)
    share = numbers["share"]
    figure = headed_figure(
        *PIXELS,
        "AugMix: three chains of operations, mixed, and mixed with the image",
        "one to three operations each; × is a chain's weight, · the share of image and mixture",
    )
    axes = figure.subplots(CHAINS, STEPS + 3)
    for each in axes.flat:
        each.axis("off")
    middle = CHAINS // 2
    _show(axes[middle, 0], image, f"the image · {1 - share:.2f}")
    for number in range(CHAINS):
        done = chain(image, numbers, number)
        for step, (name, after) in enumerate(done):
            _show(axes[number, 1 + step], after, name.replace("_", " "))
        weight = f"× {numbers[f'weight_{number}']:.2f}"
        axes[number, len(done)].text(
            1.06, 0.5, weight, transform=axes[number, len(done)].transAxes, size=SMALL, color=FAINT,
            va="center",
        )  # fmt: skip
    _show(
        axes[middle, STEPS + 1], mixed(image, {**numbers, "share": 1.0}), f"mixture · {share:.2f}"
    )
    _show(axes[middle, STEPS + 2], mixed(image, numbers), "the view")
    return figure


def _show(axes: Axes, image: UInt8Array, title: str) -> None:
    grey = image.shape[2] == 1
    shown = image[..., 0] if grey else image
    axes.imshow(shown, cmap="gray" if grey else None, vmin=0, vmax=255)
    axes.set_title(title, size=SMALL, color=INK)


def main() -> None:
    """Write the figure to FILE.png, by default to the docs."""
    parser = argparse.ArgumentParser(description="Draw the three AugMix chains of an image.")
    parser.add_argument("source", metavar="SOURCE", nargs="?", default=SOURCE)
    parser.add_argument("row", metavar="ROW", nargs="?", type=int, default=ROW)
    parser.add_argument("path", metavar="FILE.png", nargs="?", type=Path, default=FILE)
    parser.add_argument("--size", metavar="HxW", help="resize the image, as augfactory expand does")
    asked = parser.parse_args()
    try:
        image = image_of(asked.source, asked.row, asked.size)
    except AugfactoryError as error:
        sys.exit(f"{error}")
    asked.path.write_bytes(png_of(augmix_figure(image)))


if __name__ == "__main__":
    main()
