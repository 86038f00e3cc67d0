"""Jitter: change brightness, contrast, saturation and hue, each by an amount of its own.

Source:  torchvision's ColorJitter; the amounts are those of Chen et al. 2020, arXiv:2002.05709
         (SimCLR), appendix A, at half strength, as they take them for CIFAR-10 (B.9).
Differs: nothing is rounded between the four changes, only their result. Grey is 0.299 red + 0.587
         green + 0.114 blue, and its mean is taken of multiples of 1/256, which add up to the same
         on every machine.
Labels:  unchanged; each image is its only parent. Of grey images brightness and contrast change,
         and the rest does nothing.
Avoid:   where a colour or a grey level decides the class.
"""

import itertools
from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays.colour import LUMA, Numbers
from augfactory.arrays.hue import turned
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import Float32Array, UInt8Array

_GREY = np.array(LUMA, dtype=np.float32)
_STEPS = 256  # of a grey level, where means are taken
_VALUES_AT_ONCE = 2**16  # so many stay in the processor's cache


class JitterParameters(BaseModel):
    """How far each may change; every range is drawn from uniformly."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    brightness: float = Field(
        default=0.4, ge=0, le=1, description="multiply by a factor from 1 - this to 1 + this"
    )
    contrast: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="stretch about the mean grey level by a factor from 1 - this to 1 + this",
    )
    saturation: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="stretch about each pixel's own grey by a factor from 1 - this to 1 + this",
    )
    hue: float = Field(
        default=0.1, ge=0, le=0.5, description="turn by up to ± this part of the colour circle"
    )


def draw(parameters: JitterParameters, slots: Slots) -> Draws:
    """Draw three factors and a turn, and which of the 24 orders they are applied in."""
    # All are drawn whatever is in use, so that one range does not alter another's numbers.
    generator, count = slots.own, len(slots)
    both_ways = generator.uniform(-1, 1, (count, len(CHANGES)))
    reach = parameters.brightness, parameters.contrast, parameters.saturation, parameters.hue
    amounts = (1, 1, 1, 0) + both_ways * reach
    return np.column_stack([amounts, generator.integers(len(ORDERS), size=count)])


def apply(parameters: JitterParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Change each image uint8 [n, 1, H, W, C], C 1 or 3, to uint8 [n, H, W, C]."""
    del parameters
    originals = images[:, 0]
    result = np.empty_like(originals)
    at_once = max(1, _VALUES_AT_ONCE // int(np.prod(originals.shape[1:])))
    for start in range(0, len(originals), at_once):
        part = slice(start, start + at_once)
        planes = np.ascontiguousarray(originals[part].transpose(3, 0, 1, 2), dtype=np.float32)
        _jitter(planes, draws[part])
        result[part] = np.rint(planes, out=planes).transpose(1, 2, 3, 0)
    return result


def _jitter(planes: Float32Array, draws: Draws) -> None:
    """Change images in place, float32 [C, n, H, W] from 0 to 255, by draws [n, 5]."""
    order = ORDERS[draws[:, -1].astype(np.int64)]
    for step in order.T:
        for number, change in enumerate(CHANGES):
            rows = np.flatnonzero(step == number)
            if len(rows):
                planes[:, rows] = change(planes[:, rows], draws[rows, number]).clip(0, 255)


def _brightness(planes: Float32Array, factor: Numbers) -> Float32Array:
    result: Float32Array = planes * _for_pixels(factor)
    return result


def _contrast(planes: Float32Array, factor: Numbers) -> Float32Array:
    height, width = planes.shape[2:]
    total = np.rint(_grey(planes) * _STEPS).astype(np.int64).sum(axis=(1, 2))
    mean = _for_pixels(total / (_STEPS * height * width))
    return mean + _for_pixels(factor) * (planes - mean)


def _saturation(planes: Float32Array, factor: Numbers) -> Float32Array:
    grey = _grey(planes)
    return grey + _for_pixels(factor) * (planes - grey)


def _hue(planes: Float32Array, turn: Numbers) -> Float32Array:
    return turned(planes, turn) if len(planes) == 3 else planes


def _grey(planes: Float32Array) -> Float32Array:
    """Return float32 [n, H, W]."""
    grey: Float32Array = planes[0]
    if len(planes) == 3:
        red, green, blue = planes
        # Added one by one: how a product of matrices adds up depends on the machine.
        grey = _GREY[0] * red + _GREY[1] * green + _GREY[2] * blue
    return grey


def _for_pixels(numbers: Numbers) -> Float32Array:
    return numbers.astype(np.float32)[:, None, None]


# In the order of the draws.
CHANGES: tuple[Callable[[Float32Array, Numbers], Float32Array], ...] = (
    _brightness,
    _contrast,
    _saturation,
    _hue,
)
ORDERS = np.array(list(itertools.permutations(range(len(CHANGES)))))

METHOD = Method(
    name="jitter",
    version=1,
    parameters=JitterParameters,
    parents=lambda parameters: 1,
    fields=lambda parameters: ("brightness", "contrast", "saturation", "hue", "order"),
    draw=draw,
    weights=only_parent,
    apply=apply,
)
