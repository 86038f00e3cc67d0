"""AugMix: mix an image with a mixture of three chains of small changes to itself.

Source:  Hendrycks et al. 2020, arXiv:1912.02781, and the authors' code (google-research/augmix).
Differs: sizes come from the image (the code has 32 built in); between the border and the outside,
         samples blend the two (Pillow cuts there); shares are multiples of 1/65536, and the sum is
         rounded once to whole grey levels.
Labels:  unchanged; each image is its only parent. Pays together with the Jensen-Shannon loss
         between an image and two of its views.
Avoid:   operations = "all" where robustness is measured with corrupted images: colour, contrast,
         brightness and sharpness overlap with ImageNet-C and CIFAR-10-C. The nine default
         operations do not; on MNIST-C, though, rotate, shear and translate overlap.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from augfactory.arrays import colour, warps
from augfactory.arrays.simplex import beta_rows, dirichlet_rows, in_steps
from augfactory.methods.method import Draws, Method, Slots, only_parent
from augfactory.records import Float32Array, UInt8Array

Levels = npt.NDArray[np.float64]
# (images, levels 0.1 to 10, signs -1 or 1, grey level from outside) -> images.
Operation = Callable[[UInt8Array, Levels, Levels, int], UInt8Array]

OFFICIAL = 9
RANDOM_DEPTH = 3
# Many small images go through one operation together, which saves calls; a larger one goes alone
# through its whole chain, which keeps it in the processor's cache. The bytes are the same.
_LARGE = 2**16
_BYTES_AT_ONCE = 2**19
_VALUES_AT_ONCE = 2**15


class AugmixParameters(BaseModel):
    """The defaults are the authors'."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    width: int = Field(default=3, ge=1, le=16, description="how many chains are mixed")
    depth: int = Field(
        default=0, ge=0, le=8, description="operations in a chain; 0 draws 1, 2 or 3 for each chain"
    )
    severity: float = Field(
        default=3.0,
        ge=0.1,
        le=10,
        description="levels are drawn from 0.1 to this; 10 is the strongest",
    )
    alpha: float = Field(
        default=1.0,
        ge=1e-6,
        le=1e6,
        description="the weights of the chains are drawn from Dirichlet(alpha, …), their share in "
        "the result from Beta(alpha, alpha)",
    )
    operations: Literal["official", "all"] = Field(
        default="official",
        description="official: the paper's nine; all: also color, contrast, brightness and "
        "sharpness, which overlap with the corruption benchmarks",
    )
    fill_value: int = Field(
        default=0, ge=0, le=255, description="the grey level that comes in from outside the image"
    )

    @property
    def steps(self) -> int:
        """How many operations a chain can have."""
        return self.depth or RANDOM_DEPTH


def fields(parameters: AugmixParameters) -> tuple[str, ...]:
    """Name the numbers of a row: the chains' share, weights and depths, then every operation's."""
    chains, steps = range(parameters.width), range(parameters.steps)
    return (
        "share",
        *(f"weight_{chain}" for chain in chains),
        *(f"depth_{chain}" for chain in chains),
        *(f"operation_{chain}_{step}" for chain in chains for step in steps),
        *(f"level_{chain}_{step}" for chain in chains for step in steps),
        *(f"sign_{chain}_{step}" for chain in chains for step in steps),
    )


def draw(parameters: AugmixParameters, slots: Slots) -> Draws:
    """Draw shares, weights and depths, and an operation, a level and a sign for every step."""
    count, generator = len(slots), slots.own
    choices = OFFICIAL if parameters.operations == "official" else len(OPERATIONS)
    each = (count, parameters.width * parameters.steps)
    depth = np.full((count, parameters.width), parameters.depth)
    if parameters.depth == 0:
        depth = generator.integers(1, RANDOM_DEPTH, (count, parameters.width), endpoint=True)
    return np.concatenate(
        [
            beta_rows(parameters.alpha, count, generator)[:, None],
            dirichlet_rows(parameters.alpha, count, parameters.width, generator),
            depth,
            generator.integers(choices, size=each),
            generator.uniform(0.1, parameters.severity, each),
            generator.choice([-1, 1], each),
        ],
        axis=1,
    ).astype(np.float64)


def apply(parameters: AugmixParameters, images: UInt8Array, draws: Draws) -> UInt8Array:
    """Mix each image uint8 [n, 1, H, W, C] with its own chains, to uint8 [n, H, W, C]."""
    originals = images[:, 0]
    result = np.empty(originals.shape, dtype=np.uint8)
    share, weights = draws[:, :1], draws[:, 1 : 1 + parameters.width]
    shares = in_steps(np.concatenate([1 - share, share * weights], axis=1))
    image_bytes = int(np.prod(originals.shape[1:]))
    at_once = 1 if image_bytes > _LARGE else _BYTES_AT_ONCE // image_bytes
    for start in range(0, len(originals), at_once):
        part = slice(start, start + at_once)
        chains = _carried_out(parameters, originals[part], draws[part])
        _mix([originals[part], *chains], shares[part], result[part])
    return result


def _carried_out(
    parameters: AugmixParameters, originals: UInt8Array, draws: Draws
) -> list[UInt8Array]:
    """Return one uint8 [n, H, W, C] for each chain."""
    count, width = len(originals), parameters.width
    depth = draws[:, 1 + width : 1 + 2 * width]
    numbers = draws[:, 1 + 2 * width :].reshape(count, 3, width, -1).swapaxes(1, 2)
    if count == 1:
        steps = [numbers[0, chain, :, : int(depth[0, chain])] for chain in range(width)]
        return [_chain(originals, chain, parameters.fill_value) for chain in steps]
    chains = np.repeat(originals, width, axis=0)
    flat_numbers = numbers.reshape(count * width, 3, -1)
    _chains(chains, depth.reshape(-1), flat_numbers, parameters.fill_value)
    return list(chains.reshape(count, width, *originals.shape[1:]).swapaxes(0, 1))


def _mix(images: list[UInt8Array], shares: Float32Array, target: UInt8Array) -> None:
    """Add up ``images``, K arrays uint8 [n, H, W, C], in shares [n, K], and round into ``target``.

    The sum is exact, so that neither its order nor a fused multiply-add can change a byte.
    """
    flat = [image.reshape(len(target), -1) for image in images]
    mixed = target.reshape(len(target), -1)
    step = min(mixed.shape[1], max(1, _VALUES_AT_ONCE // len(target)))
    values = np.empty((len(target), len(images), step), dtype=np.float32)
    for start in range(0, mixed.shape[1], step):
        part = slice(start, min(start + step, mixed.shape[1]))
        used = values[:, :, : part.stop - start]
        for number, image in enumerate(flat):
            used[:, number] = image[:, part]
        total = np.matmul(shares[:, None], used)[:, 0]
        mixed[:, part] = np.rint(total, out=total)


def _chain(image: UInt8Array, steps: Levels, fill: int) -> UInt8Array:
    """Carry out the same operations on uint8 [n, H, W, C]; ``steps`` [3, depth] as in the draws."""
    for operation, level, sign in steps.T:
        image = CHANGES[int(operation)](image, level[None], sign[None], fill)
    return image


def _chains(images: UInt8Array, depth: Levels, numbers: Levels, fill: int) -> None:
    """Carry out in place, on each of uint8 [n, H, W, C], as many steps of its own as ``depth``."""
    operation, level, sign = numbers.swapaxes(0, 1)
    for step in range(numbers.shape[2]):
        now = np.where(depth > step, operation[:, step], -1)
        for number, change in enumerate(CHANGES):
            rows = (now == number).nonzero()[0]
            if len(rows) > 0:
                images[rows] = change(images[rows], level[rows, step], sign[rows, step], fill)


# By the number that stands in the draws; the first nine are the official ones. What a level means
# is the authors' int_parameter and float_parameter.
OPERATIONS: dict[str, Operation] = {
    "autocontrast": lambda images, level, sign, fill: colour.autocontrast(images),
    "equalize": lambda images, level, sign, fill: colour.equalize(images),
    "posterize": lambda images, level, sign, fill: colour.posterize(
        images, 4 - np.trunc(level * 4 / 10)
    ),
    "rotate": lambda images, level, sign, fill: warps.rotated(
        images, sign * np.trunc(level * 30 / 10), fill
    ),
    "solarize": lambda images, level, sign, fill: colour.solarize(
        images, 256 - np.trunc(level * 256 / 10)
    ),
    "shear_x": lambda images, level, sign, fill: warps.sheared(
        images, sign * (level * 0.3 / 10), fill, 1
    ),
    "shear_y": lambda images, level, sign, fill: warps.sheared(
        images, sign * (level * 0.3 / 10), fill, 0
    ),
    # A positive number is where a pixel comes from, so the image moves up or to the left.
    "translate_x": lambda images, level, sign, fill: warps.translated(
        images, -sign * np.trunc(level * (images.shape[2] / 3) / 10), fill, 1
    ),
    "translate_y": lambda images, level, sign, fill: warps.translated(
        images, -sign * np.trunc(level * (images.shape[1] / 3) / 10), fill, 0
    ),
    "color": lambda images, level, sign, fill: colour.color(images, level * 1.8 / 10 + 0.1),
    "contrast": lambda images, level, sign, fill: colour.contrast(images, level * 1.8 / 10 + 0.1),
    "brightness": lambda images, level, sign, fill: colour.brightness(
        images, level * 1.8 / 10 + 0.1
    ),
    "sharpness": lambda images, level, sign, fill: colour.sharpness(images, level * 1.8 / 10 + 0.1),
}

CHANGES = tuple(OPERATIONS.values())

METHOD = Method(
    name="augmix",
    version=1,
    parameters=AugmixParameters,
    parents=lambda parameters: 1,
    fields=fields,
    draw=draw,
    weights=only_parent,
    apply=apply,
    views=True,
    largest_side=warps.LARGEST_SIDE,
)
