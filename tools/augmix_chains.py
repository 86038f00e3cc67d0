"""Draw how AugMix makes one image: its three chains step by step, their weights, and the mixture.

    python tools/augmix_chains.py sample docs/images/augmix-chains.png --row 5

It is the figure of AugMix's paper and of document 004 (docs/documents.md), from our own draws.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augfactory.keyed_random import generator
from augfactory.methods import augmix
from augfactory.methods.augmix import AugmixParameters
from augfactory.methods.method import Slots
from augfactory.records import SourceSpec, UInt8Array
from augfactory.report.figures.drawing import FAINT, INK, SMALL, new_figure, png_of
from augfactory.sources.opening import open_source

WIDTH, HEIGHT = 1350, 760  # pixels
NAMES = tuple(augmix.OPERATIONS)


@dataclass(frozen=True)
class Chain:
    """The weight of a chain in the mixture, and what each of its steps made: (operation, image)."""

    weight: float
    steps: tuple[tuple[str, UInt8Array], ...]


def drawn(
    parameters: AugmixParameters, shape: tuple[int, int, int], seed: int
) -> npt.NDArray[np.float64]:
    """Return the draws of one image, float64 [1, D]."""

    def keyed(what: str, number: int) -> np.random.Generator:
        return generator("augmix chains", seed, what, number)

    return augmix.draw(parameters, Slots(np.arange(1), np.zeros(1, dtype=np.int64), shape, keyed))


def chains_of(
    parameters: AugmixParameters, image: UInt8Array, draws: npt.NDArray[np.float64]
) -> tuple[float, list[Chain]]:
    """Return the share of the chains in the result, and the chains; ``image`` uint8 [H, W, C]."""
    row = dict(zip(augmix.fields(parameters), draws[0].tolist(), strict=True))
    chains = []
    for chain in range(parameters.width):
        made, steps = image[None], []
        for step in range(int(row[f"depth_{chain}"])):
            name = NAMES[int(row[f"operation_{chain}_{step}"])]
            level, sign = (np.array([row[f"{what}_{chain}_{step}"]]) for what in ("level", "sign"))
            made = augmix.OPERATIONS[name](made, level, sign, parameters.fill_value)
            steps.append((name, made[0]))
        chains.append(Chain(row[f"weight_{chain}"], tuple(steps)))
    return row["share"], chains


def figure_of(parameters: AugmixParameters, image: UInt8Array, seed: int) -> bytes:
    """Return the figure as a PNG; ``image`` uint8 [H, W, C]."""
    draws = drawn(parameters, image.shape, seed)
    share, chains = chains_of(parameters, image, draws)
    result = augmix.apply(parameters, image[None, None], draws)[0]
    mixture = np.rint(sum(chain.weight * chain.steps[-1][1] for chain in chains)).astype(np.uint8)
    columns = 1 + parameters.steps + 2
    body = new_figure(WIDTH, HEIGHT)
    axes = body.subplots(parameters.width, columns, squeeze=False)
    for own in axes.ravel():
        own.set_axis_off()
    middle = parameters.width // 2
    shown = [(middle, 0, image, "original")]
    for place, chain in enumerate(chains):
        shown += [
            (place, 1 + step, made, name.replace("_", " "))
            for step, (name, made) in enumerate(chain.steps)
        ]
        own = axes[place, len(chain.steps)]
        words = f"× {chain.weight:.2f}"
        own.text(0.5, -0.04, words, transform=own.transAxes, color=FAINT, size=SMALL,
                 ha="center", va="top")  # fmt: skip
    shown.append((middle, columns - 2, mixture, "sum of the chains"))
    shown.append((middle, columns - 1, result, f"{1 - share:.2f} × original\n+ {share:.2f} × sum"))
    for line, column, pixels, words in shown:
        own = axes[line, column]
        grey = pixels.shape[2] == 1
        own.imshow(pixels[..., 0] if grey else pixels, cmap="gray", vmin=0, vmax=255)
        own.set_title(words, size=SMALL, color=INK)
    return png_of(body)


def main() -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="SOURCE of the image")
    parser.add_argument("out", type=Path, help="PNG to write")
    parser.add_argument("--row", type=int, default=0, help="which image")
    parser.add_argument("--seed", type=int, default=0, help="other draws")
    parser.add_argument("--severity", type=float, default=3.0, help="0.1 to 10")
    asked = parser.parse_args()
    image = open_source(SourceSpec(asked.source)).read_images(np.array([asked.row]))[0]
    parameters = AugmixParameters(severity=asked.severity)
    asked.out.write_bytes(figure_of(parameters, image, asked.seed))


if __name__ == "__main__":
    main()
