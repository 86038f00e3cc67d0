"""Grid: cut two images into the same cells, and take each cell from one of them.

Source:  Reinders et al. 2022, arXiv:2202.11616, ChimeraMix, section 3: its grid, on the pixels
         themselves instead of a network's features.
Differs: nothing is generated; the partner is of the same class unless pairing says otherwise.
Labels:  mixed in proportion to the pixels taken from each, which for partners of the same class
         leaves the label as it is.
Avoid:   where the place of a part decides the class: cells keep their place, and their edges show.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.methods.method import Draws, Method, Pairing, Slots
from augfactory.records import Float32Array, Int64Array, UInt8Array


class GridParameters(BaseModel):
    """Cells along each side, and where partners come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: int = Field(default=4, ge=1, le=16, description="cells along each side of the image")
    pairing: Pairing = Field(
        default="same",
        description="where the partner comes from: any image, the same class, any other class, "
        "or a class drawn first, each as likely (balanced)",
    )


def fields(parameters: GridParameters) -> tuple[str, ...]:
    """Name the cells, row by row."""
    cells = range(parameters.cells)
    return tuple(f"cell_{row}_{column}" for row in cells for column in cells)


def draw(parameters: GridParameters, slots: Slots) -> Draws:
    """Draw for every cell whether it is the partner's: 0 or 1, each as likely."""
    return slots.own.integers(0, 2, (len(slots), parameters.cells**2)).astype(np.float64)


def weights(
    parameters: GridParameters, draws: Draws, image_shape: tuple[int, int, int]
) -> Float32Array:
    """Return the share of the pixels taken from each image."""
    height, width, _ = image_shape
    rows, columns = (
        np.bincount(_cell_of(side, parameters.cells), minlength=parameters.cells)
        for side in (height, width)
    )
    taken = draws @ np.outer(rows, columns).reshape(-1)
    pixels = height * width
    return (np.stack([pixels - taken, taken], axis=1) / pixels).astype(np.float32)


def grid(parameters: GridParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Take each cell of uint8 [n, 2, H, W, C] from the image that the draws say."""
    cells = parameters.cells
    height, width = images.shape[2:4]
    chosen = draws.reshape(-1, cells, cells) == 1
    mask = chosen[:, _cell_of(height, cells)][:, :, _cell_of(width, cells)]
    return np.where(mask[..., None], images[:, 1], images[:, 0])


def _cell_of(side: int, cells: int) -> Int64Array:
    """Return the cell of each pixel along a side: as even as can be."""
    found: Int64Array = np.arange(side) * cells // side
    return found


METHOD = Method(
    name="grid",
    version=1,
    parameters=GridParameters,
    parents=lambda parameters: 2,
    fields=fields,
    draw=draw,
    weights=weights,
    apply=grid,
    pairing=lambda parameters: parameters.pairing,
)
