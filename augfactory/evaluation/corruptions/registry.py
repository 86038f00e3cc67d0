"""The corruptions by profile and name. A new one is a function and a line in a profile's table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from augfactory.errors import RecipeError, unknown_name
from augfactory.evaluation.corruptions import cifar_c, imagenet_c, mnist_c
from augfactory.evaluation.corruptions.batch import Batch, Change
from augfactory.keyed_random import generator
from augfactory.records import UInt8Array

# Raise this whenever a corruption makes other pixels, or other things are measured on them, so that
# neither copies nor runs of before are taken for new ones.
REVISION = 3
_VALUES_AT_ONCE = 2**18  # a few megabytes of numbers, and few enough calls


@dataclass(frozen=True)
class Corruption:
    """One way to damage an image.

    Attributes:
        name: as in the published code.
        severities: from 1 up, the mildest first.
        overlaps_augmix: whether it is also one of AugMix's nine official operations, so that
            training with AugMix is training for the test.
    """

    name: str
    severities: tuple[int, ...]
    overlaps_augmix: bool


@dataclass(frozen=True)
class Profile:
    """The corruptions of one benchmark, or such that are in the mean of none.

    Attributes:
        name: what ``--corruptions`` calls it.
        corruptions: in the benchmark's order.
        title: what a report calls it.
        side: the shorter side, in pixels, of the images that its constants are meant for.
    """

    name: str
    corruptions: tuple[Corruption, ...]
    title: str
    side: int


_CHANGES: dict[str, Mapping[str, tuple[Change, ...]]] = {
    "mnist-c": mnist_c.CHANGES,
    "cifar-c": cifar_c.CHANGES,
    "imagenet-c": imagenet_c.CHANGES,
    "mnist-c-extra": mnist_c.EXTRA,
}


def _profile(name: str, title: str, side: int, overlaps_augmix: frozenset[str]) -> Profile:
    corruptions = tuple(
        Corruption(corruption, tuple(range(1, len(changes) + 1)), corruption in overlaps_augmix)
        for corruption, changes in _CHANGES[name].items()
    )
    return Profile(name, corruptions, title, side)


PROFILES: dict[str, Profile] = {
    "mnist-c": _profile("mnist-c", mnist_c.TITLE, mnist_c.SIDE, mnist_c.OVERLAPS_AUGMIX),
    "cifar-c": _profile("cifar-c", cifar_c.TITLE, cifar_c.SIDE, cifar_c.OVERLAPS_AUGMIX),
    "imagenet-c": _profile(
        "imagenet-c", imagenet_c.TITLE, imagenet_c.SIDE, imagenet_c.OVERLAPS_AUGMIX
    ),
    "mnist-c-extra": _profile(
        "mnist-c-extra", mnist_c.EXTRA_TITLE, mnist_c.SIDE, mnist_c.OVERLAPS_AUGMIX
    ),
}


def find_profile(name: str) -> Profile:
    """Return the profile called ``name``.

    Raises:
        RecipeError: there is none of that name; the nearest right name is told.
    """
    if name not in PROFILES:
        raise unknown_name("--corruptions", "corruption profile", name, list(PROFILES))
    return PROFILES[name]


def corrupt(
    profile: str,
    corruption: str,
    severity: int,
    images: UInt8Array,
    seed: int,
    first_row: int = 0,
) -> UInt8Array:
    """Damage images.

    The random numbers of an image are keyed by all of the arguments and its row number, so that it
    does not matter which images are given together. Sizes in pixels are those of the profile's own
    images, and grow in proportion to the shorter side where that is longer; noise is drawn for
    each pixel at any size. Smaller images are damaged as if they were cut from one of that size.

    Args:
        profile: a key of ``PROFILES``.
        corruption: the name of one of its corruptions.
        severity: one of its severities.
        images: uint8 [n, H, W, C], C 1 or 3.
        seed: of the random numbers.
        first_row: the row number of the first image.

    Returns:
        uint8 [n, H, W, C], new.

    Raises:
        RecipeError: there is no such profile, corruption or severity.
    """
    side = find_profile(profile).side
    changes = _CHANGES[profile]
    if corruption not in changes:
        raise unknown_name("--corruptions", f"{profile} corruption", corruption, list(changes))
    if not 1 <= severity <= len(changes[corruption]):
        raise RecipeError(
            "--corruptions",
            f"{profile} has no {corruption} of severity {severity}",
            f"Its severities go from 1 to {len(changes[corruption])}.",
        )
    change = changes[corruption][severity - 1]
    key = (profile, corruption, int(severity), int(seed))
    count, height, width, channels = images.shape
    scale = max(1.0, min(height, width) / side)
    at_once = max(1, _VALUES_AT_ONCE // max(1, height * width * channels))
    result = np.empty_like(images)
    for start in range(0, count, at_once):
        block = images[start : start + at_once]
        rows = range(int(first_row) + start, int(first_row) + start + len(block))
        noises = (generator(*key, row) for row in rows)
        result[start : start + at_once] = change(Batch(block, noises, scale))
    return result
