"""The constants of CIFAR-10-C: severities 1 to 5, for images of 32 pixels.

They are those of hendrycks/robustness, ImageNet-C/create_c/make_cifar_c.py.
"""

from collections.abc import Callable
from functools import partial

from augfactory.evaluation.corruptions import blur, digital, geometry, noise, weather
from augfactory.evaluation.corruptions.batch import Change
from augfactory.records import UInt8Array

TITLE = "CIFAR-10-C-style"
SIDE = 32
# None of them is among AugMix's nine operations.
OVERLAPS_AUGMIX: frozenset[str] = frozenset()


def severities_of(
    function: Callable[..., UInt8Array], names: tuple[str, ...], *constants: tuple[float, ...]
) -> tuple[Change, ...]:
    """Return ``function`` with each row of ``constants`` for the arguments ``names``."""
    return tuple(partial(function, **dict(zip(names, row, strict=True))) for row in constants)


CHANGES: dict[str, tuple[Change, ...]] = {
    "gaussian_noise": severities_of(
        noise.gaussian_noise, ("deviation",), (0.04,), (0.06,), (0.08,), (0.09,), (0.10,)
    ),
    "shot_noise": severities_of(
        noise.shot_noise, ("photons",), (500,), (250,), (100,), (75,), (50,)
    ),
    "impulse_noise": severities_of(
        noise.impulse_noise, ("amount",), (0.01,), (0.02,), (0.03,), (0.05,), (0.07,)
    ),
    "defocus_blur": severities_of(
        blur.defocus_blur,
        ("radius", "softness"),
        (0.3, 0.4),
        (0.4, 0.5),
        (0.5, 0.6),
        (1, 0.2),
        (1.5, 0.1),
    ),
    "glass_blur": severities_of(
        blur.glass_blur,
        ("deviation", "distance", "rounds", "swap"),
        (0.05, 1, 1, False),
        (0.25, 1, 1, False),
        (0.4, 1, 1, False),
        (0.25, 1, 2, False),
        (0.4, 1, 2, False),
    ),
    "motion_blur": severities_of(
        blur.motion_blur, ("radius", "deviation"), (6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)
    ),
    # up to factors of 1.06, 1.11, 1.15, 1.20 and 1.25
    "zoom_blur": severities_of(blur.zoom_blur, ("steps",), (7,), (12,), (16,), (21,), (26,)),
    "snow": severities_of(
        weather.snow,
        ("mean", "deviation", "flake", "threshold", "radius", "streak", "share"),
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
    "frost": severities_of(
        weather.frost,
        ("share", "strength"),
        (1, 0.2),
        (1, 0.3),
        (0.9, 0.4),
        (0.85, 0.4),
        (0.75, 0.45),
    ),
    "fog": severities_of(
        weather.fog,
        ("strength", "decay", "side"),
        (0.2, 3, 32),
        (0.5, 3, 32),
        (0.75, 2.5, 32),
        (1, 2, 32),
        (1.5, 1.75, 32),
    ),
    "brightness": severities_of(
        digital.brightness, ("amount",), (0.05,), (0.1,), (0.15,), (0.2,), (0.3,)
    ),
    "contrast": severities_of(
        digital.contrast, ("share",), (0.75,), (0.5,), (0.4,), (0.3,), (0.15,)
    ),
    "elastic_transform": severities_of(
        geometry.elastic_transform,
        ("strength", "deviation", "slant"),
        (0, 0, 0.08),
        (0.05, 0.2, 0.07),
        (0.08, 0.06, 0.06),
        (0.1, 0.04, 0.05),
        (0.1, 0.03, 0.03),
    ),
    "pixelate": severities_of(
        digital.pixelate, ("share",), (0.95,), (0.9,), (0.85,), (0.75,), (0.65,)
    ),
    "jpeg_compression": severities_of(
        digital.jpeg_compression, ("quality",), (80,), (65,), (58,), (50,), (40,)
    ),
}
