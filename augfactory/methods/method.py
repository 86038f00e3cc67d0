"""What a method is made of."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from augfactory.keyed_random import Randoms, by_block
from augfactory.records import Float32Array, Int64Array, UInt8Array

Draws = npt.NDArray[np.float64]
# Where the partners of an image come from.
Pairing = Literal["any", "same", "other", "balanced"]


@dataclass(frozen=True)
class Slots:
    """The rows that numbers are to be drawn for.

    Attributes:
        row: int64 [n], row numbers within the stage, counted from 0; consecutive within a block.
        round: int64 [n], which round of the stage each row belongs to, counted from 0.
        image_shape: (height, width, channels).
        generator: (what for, number) -> the generator with that key, the same for whoever asks.
        block: how many of the rows share a generator; all of them where it is None.
    """

    row: Int64Array
    round: Int64Array
    image_shape: tuple[int, int, int]
    generator: Callable[[str, int], np.random.Generator]
    block: int | None = None

    def __len__(self) -> int:
        return len(self.row)

    @property
    def own(self) -> Randoms:
        """What draws for exactly these rows, keyed by the first of each block."""
        firsts = self.row[:: self.block or max(1, len(self))].tolist()
        return by_block(partial(self.generator, "rows"), firsts or [0])


def only_parent(
    parameters: BaseModel, draws: Draws, image_shape: tuple[int, int, int]
) -> Float32Array:
    """Return the ``weights`` of a method of one parent: float32 [n, 1], all of the label."""
    del parameters, image_shape
    return np.ones((len(draws), 1), dtype=np.float32)


@dataclass(frozen=True)
class VirtualBatch:
    """Consecutive rows of a stage that share what is drawn once a batch.

    ``rows`` is how many they are at most, by the parameter ``batch_size``; ``fields`` are the drawn
    numbers, the same for all of them, that together tell one such batch of the stage from others.
    """

    rows: int
    fields: tuple[str, ...]


def own_draws(parameters: BaseModel) -> None:
    """Return the ``virtual_batch`` of a method that draws for each row on its own: none."""
    del parameters


def any_image(parameters: BaseModel) -> Pairing:
    """Return the ``pairing`` of a method whose partners may be any images."""
    del parameters
    return "any"


@dataclass(frozen=True)
class Method:
    """A named way to make one image from one or several.

    Attributes:
        name: at most 16 ASCII letters; what the ``method`` column says.
        version: raised whenever the same draws give other pixels or weights.
        parameters: a frozen pydantic model with defaults, which refuses unknown keys.
        parents: parameters -> how many images P a row is made of.
        fields: parameters -> the names of the numbers drawn for a row.
        draw: (parameters, slots) -> float64 [n, fields], every random choice there is.
        weights: (parameters, draws, image shape) -> float32 [n, P], the share of each parent in
            the label, computed from what ``apply`` really does; rows sum to 1.
        apply: (parameters, images uint8 [n, P, H, W, C], draws) -> uint8 [n, H, W, C]; pure, and
            each row's result is independent of the other rows.
        pairing: parameters -> where the partners of the first parent come from.
        views: the rows of a source image are views of one image, which a loss may compare. They
            are made of the originals, unless a recipe says otherwise.
        largest_side: the most pixels a side may have; None where any number will do.
        largest_first: draws -> the same with the first parent's share the largest; None where the
            parents cannot change places.
        virtual_batch: parameters -> which rows share what is drawn once a batch; None where each
            row has its own.
    """

    name: str
    version: int
    parameters: type[BaseModel]
    parents: Callable[[Any], int]
    fields: Callable[[Any], tuple[str, ...]]
    draw: Callable[[Any, Slots], Draws]
    weights: Callable[[Any, Draws, tuple[int, int, int]], Float32Array]
    apply: Callable[[Any, UInt8Array, Draws], UInt8Array]
    pairing: Callable[[Any], Pairing] = any_image
    views: bool = False
    largest_side: int | None = None
    largest_first: Callable[[Draws], Draws] | None = None
    virtual_batch: Callable[[Any], VirtualBatch | None] = own_draws

    @property
    def varies(self) -> bool:
        """Whether a row is one image, changed, with the label that it had."""
        return self.weights is only_parent and not self.views

    @property
    def card(self) -> str:
        """The docstring of the method's module: source, differences, labels, when to avoid it."""
        return (sys.modules[self.apply.__module__].__doc__ or "").strip()
