"""Geometry: turn, shift, shear, scale, flip and bend an image, and change its brightness.

Source:  what Keras' ImageDataGenerator does; elastic: Simard et al. 2003, ICDAR, section 2.
Differs: all of it is one map about the image's centre and one bilinear interpolation. A zoom factor
         above 1 enlarges (Keras: shrinks) and keeps the aspect unless told otherwise. A shear moves
         rows sideways by the tangent of its angle (Keras also enlarges the height). Brightness is
         rounded, where Keras truncates. fill "border" takes the image's own border colour.
Labels:  unchanged; each image is its only parent.
Avoid:   flips where left and right, or up and down, tell classes apart, as with digits and letters;
         large turns where classes are turned versions of each other, such as 6 and 9.
"""

from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from augfactory.arrays.colour import scaled
from augfactory.arrays.elastic import elastic_displacement
from augfactory.arrays.warps import (
    LARGEST_SIDE,
    FillOrBorder,
    about_centre,
    outside,
    warp,
)
from augfactory.keyed_random import from_keys
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import Float64Array, UInt8Array

# "digits" is what the defaults below say.
PRESETS: dict[str, dict[str, Any]] = {
    "digits": {},
    "photo": {
        "rotation": 10.0,
        "shift_height": 0.08,
        "shift_width": 0.08,
        "shear": 0.0,
        "zoom": 0.1,
        "brightness": (0.8, 1.2),
        "flip_horizontal": True,
        "fill": "reflect",
    },
    "clothes": {
        "rotation": 8.0,
        "shift_height": 0.06,
        "shift_width": 0.06,
        "shear": 5.0,
        "zoom": 0.1,
        "flip_horizontal": True,
    },
    "texture": {
        "rotation": 180.0,
        "shift_height": 0.08,
        "shift_width": 0.08,
        "shear": 0.0,
        "zoom": 0.1,
        "brightness": (0.8, 1.2),
        "flip_horizontal": True,
        "flip_vertical": True,
        "fill": "reflect",
    },
    "none": {
        "rotation": 0.0,
        "shift_height": 0.0,
        "shift_width": 0.0,
        "shear": 0.0,
        "zoom": 0.0,
    },
}

FIELDS = (
    "rotation",
    "shift_height",
    "shift_width",
    "shear",
    "zoom_height",
    "zoom_width",
    "flip_horizontal",
    "flip_vertical",
    "brightness",
    "elastic_key",
)

_FIELDS_AT_ONCE = 16  # displacements take 16 bytes for each pixel


class GeometryParameters(BaseModel):
    """How far an image may be changed; every range is drawn from uniformly.

    A preset gives the values of all the others; what is set explicitly overrides it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    preset: Literal["digits", "photo", "clothes", "texture", "none"] = Field(
        default="digits",
        description="digits: small turns, shifts, shears and zooms, no flips, filled with the "
        "border's colour; photo: also horizontal flips and brightness, no shear, reflecting; "
        "clothes: as digits but smaller, and horizontal flips; texture: any turn, both flips and "
        "brightness, reflecting; none: nothing",
    )
    rotation: float = Field(
        default=12.0, ge=0, le=180, description="turn by up to ± so many degrees"
    )
    shift_height: float = Field(
        default=0.08, ge=0, le=1, description="up or down by a share of the height"
    )
    shift_width: float = Field(
        default=0.08, ge=0, le=1, description="sideways by a share of the width"
    )
    shear: float = Field(
        default=8.0, ge=0, le=60, description="lean sideways by up to ± so many degrees"
    )
    zoom: float = Field(
        default=0.12, ge=0, le=0.9, description="scale by a factor from 1 - zoom to 1 + zoom"
    )
    keep_aspect: bool = Field(
        default=True, description="scale height and width by the same factor, not each by its own"
    )
    brightness: tuple[float, float] = Field(
        default=(1.0, 1.0),
        description="multiply all values by a factor from this range, within 0 to 10",
    )
    flip_horizontal: bool = Field(
        default=False, description="swap left and right in half of the rows"
    )
    flip_vertical: bool = Field(
        default=False, description="swap top and bottom in half of the rows"
    )
    fill: FillOrBorder = Field(
        default="border",
        description="what comes in from outside; border: the median of the outermost pixels",
    )
    fill_value: int = Field(
        default=0, ge=0, le=255, description="the grey level that fill constant uses"
    )
    elastic_alpha: float = Field(
        default=0.0,
        ge=0,
        le=10_000,
        description="strength of elastic deformation, 0 for none; displacements of about "
        "0.16 elastic_alpha / elastic_sigma pixels in each direction",
    )
    elastic_sigma: float = Field(
        default=4.0, ge=0.5, le=64, description="smoothness of elastic deformation, in pixels"
    )

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {**PRESETS.get(str(given.get("preset")), {}), **given}

    @model_validator(mode="after")
    def _brightness_is_a_range(self) -> "GeometryParameters":
        low, high = self.brightness
        if not 0 <= low <= high <= 10:
            raise ValueError(
                f"must be two factors from 0 to 10, lower one first, got {low}, {high}"
            )
        return self


def draw(parameters: GeometryParameters, slots: Slots) -> Draws:
    """Draw angles in degrees, shifts as shares of the sides, factors, 0/1 flips and a key."""
    # All are drawn whatever is in use, so that one range does not alter another's numbers.
    unit = slots.own.random((len(slots), len(FIELDS)))
    both_ways = 2 * unit - 1
    low, high = parameters.brightness
    columns = {
        "rotation": both_ways[:, 0] * parameters.rotation,
        "shift_height": both_ways[:, 1] * parameters.shift_height,
        "shift_width": both_ways[:, 2] * parameters.shift_width,
        "shear": both_ways[:, 3] * parameters.shear,
        "zoom_height": 1 + both_ways[:, 4] * parameters.zoom,
        "zoom_width": 1 + both_ways[:, 4 if parameters.keep_aspect else 5] * parameters.zoom,
        "flip_horizontal": (unit[:, 6] < 0.5) & parameters.flip_horizontal,
        "flip_vertical": (unit[:, 7] < 0.5) & parameters.flip_vertical,
        "brightness": low + (high - low) * unit[:, 8],
        "elastic_key": np.floor(unit[:, 9] * 2**32),
    }
    return np.stack([columns[name] for name in FIELDS], axis=1).astype(np.float64)


def apply(parameters: GeometryParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Map each image uint8 [n, 1, H, W, C] by its own row of draws, to uint8 [n, H, W, C]."""
    originals = images[:, 0]
    count, height, width = originals.shape[:3]
    fill, colours = outside(originals, parameters.fill, parameters.fill_value)
    moves = matrices(draws, height, width)
    if parameters.elastic_alpha == 0:
        result = warp(originals, moves, fill, colours)
    else:
        result = np.empty(originals.shape, dtype=np.uint8)
        for start in range(0, count, _FIELDS_AT_ONCE):
            part = slice(start, start + _FIELDS_AT_ONCE)
            bends = _displacements(parameters, draws[part], height, width)
            result[part] = warp(originals[part], moves[part], fill, colours[part], bends)
    factor = draws[:, FIELDS.index("brightness")]
    return result if (factor == 1).all() else scaled(result, factor)


def _displacements(
    parameters: GeometryParameters, draws: Draws, height: int, width: int
) -> Float64Array:
    """Make each row's field from its key: float64 [n, 2, H, W]."""
    fields = np.empty((len(draws), 2, height, width))
    keys = map(int, draws[:, FIELDS.index("elastic_key")])
    for field, keyed in zip(fields, from_keys(keys), strict=True):
        field[:] = elastic_displacement(
            keyed, height, width, parameters.elastic_alpha, parameters.elastic_sigma
        )
    return fields


def matrices(draws: Draws, height: int, width: int) -> Float64Array:
    """Return where each pixel of the result comes from: float64 [n, 2, 3] as ``warp`` takes it.

    Forward, an image is flipped, scaled, sheared, turned counter-clockwise and shifted, in this
    order; here it is all inverted.
    """
    column = dict(zip(FIELDS, draws.T, strict=True))
    angle, lean = np.deg2rad(column["rotation"]), np.tan(np.deg2rad(column["shear"]))
    cosine, sine = np.cos(angle), np.sin(angle)
    down = (1 - 2 * column["flip_vertical"]) / column["zoom_height"]
    right = (1 - 2 * column["flip_horizontal"]) / column["zoom_width"]
    # A positive lean moves the upper half to the right; rows count downwards.
    linear = np.empty((len(draws), 2, 2))
    linear[:, 0, 0] = down * cosine
    linear[:, 0, 1] = down * sine
    linear[:, 1, 0] = right * (lean * cosine - sine)
    linear[:, 1, 1] = right * (lean * sine + cosine)
    shift = np.stack([column["shift_height"] * height, column["shift_width"] * width], axis=1)
    return about_centre(linear, shift, height, width)


METHOD = Method(
    name="geometry",
    version=1,
    parameters=GeometryParameters,
    parents=lambda parameters: 1,
    fields=lambda parameters: FIELDS,
    draw=draw,
    weights=only_parent,
    apply=apply,
    largest_side=LARGEST_SIDE,
)
