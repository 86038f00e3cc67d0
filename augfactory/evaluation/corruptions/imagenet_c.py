"""The constants of ImageNet-C: severities 1 to 5, for images of 224 pixels.

They are those of hendrycks/robustness, ImageNet-C/create_c/make_imagenet_c.py, and far harsher than
CIFAR-10-C's.
"""

from augfactory.evaluation.corruptions import blur, digital, geometry, noise, weather
from augfactory.evaluation.corruptions.batch import Change
from augfactory.evaluation.corruptions.cifar_c import severities_of

TITLE = "ImageNet-C-style"
SIDE = 224
# None of them is among AugMix's nine operations.
OVERLAPS_AUGMIX: frozenset[str] = frozenset()
# CIFAR-10-C shrinks the photographs of frost to a fifth, which our textures are made for.
FROST_COARSE = 5
# There the bends are shares of 244 pixels.
BEND = 244 / SIDE

CHANGES: dict[str, tuple[Change, ...]] = {
    "gaussian_noise": severities_of(
        noise.gaussian_noise, ("deviation",), (0.08,), (0.12,), (0.18,), (0.26,), (0.38,)
    ),
    "shot_noise": severities_of(noise.shot_noise, ("photons",), (60,), (25,), (12,), (5,), (3,)),
    "impulse_noise": severities_of(
        noise.impulse_noise, ("amount",), (0.03,), (0.06,), (0.09,), (0.17,), (0.27,)
    ),
    "defocus_blur": severities_of(
        blur.defocus_blur,
        ("radius", "softness", "reach"),
        (3, 0.1, 1),
        (4, 0.5, 1),
        (6, 0.5, 1),
        (8, 0.5, 1),
        (10, 0.5, 2),
    ),
    "glass_blur": severities_of(
        blur.glass_blur,
        ("deviation", "distance", "rounds", "swap"),
        (0.7, 1, 2, False),
        (0.9, 2, 1, False),
        (1, 2, 3, False),
        (1.1, 3, 2, False),
        (1.5, 4, 2, False),
    ),
    "motion_blur": severities_of(
        blur.motion_blur, ("radius", "deviation"), (10, 3), (15, 5), (15, 8), (15, 12), (20, 15)
    ),
    # up to factors of 1.11, 1.15, 1.20, 1.24 and 1.30
    "zoom_blur": severities_of(
        blur.zoom_blur, ("steps", "percent"), (12, 1), (16, 1), (11, 2), (13, 2), (11, 3)
    ),
    "snow": severities_of(
        weather.snow,
        ("mean", "deviation", "flake", "threshold", "radius", "streak", "share"),
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    "frost": severities_of(
        weather.frost,
        ("share", "strength", "coarse"),
        (1, 0.4, FROST_COARSE),
        (0.8, 0.6, FROST_COARSE),
        (0.7, 0.7, FROST_COARSE),
        (0.65, 0.7, FROST_COARSE),
        (0.6, 0.75, FROST_COARSE),
    ),
    "fog": severities_of(
        weather.fog,
        ("strength", "decay", "side"),
        (1.5, 2, 256),
        (2, 2, 256),
        (2.5, 1.7, 256),
        (2.5, 1.5, 256),
        (3, 1.4, 256),
    ),
    "brightness": severities_of(
        digital.brightness, ("amount",), (0.1,), (0.2,), (0.3,), (0.4,), (0.5,)
    ),
    "contrast": severities_of(
        digital.contrast, ("share",), (0.4,), (0.3,), (0.2,), (0.1,), (0.05,)
    ),
    "elastic_transform": severities_of(
        geometry.elastic_transform,
        ("strength", "deviation", "slant"),
        (2 * BEND, 0.7 * BEND, 0.1 * BEND),
        (2 * BEND, 0.08 * BEND, 0.2 * BEND),
        (0.05 * BEND, 0.01 * BEND, 0.02 * BEND),
        (0.07 * BEND, 0.01 * BEND, 0.02 * BEND),
        (0.12 * BEND, 0.01 * BEND, 0.02 * BEND),
    ),
    "pixelate": severities_of(
        digital.pixelate, ("share",), (0.6,), (0.5,), (0.4,), (0.3,), (0.25,)
    ),
    "jpeg_compression": severities_of(
        digital.jpeg_compression, ("quality",), (25,), (18,), (15,), (10,), (7,)
    ),
}
