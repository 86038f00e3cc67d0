"""Images per second of our methods beside their peers, in one run on one core.

    python benchmarks/methods.py [--quick] [--only mixup]

Every contender of a comparison gets the same images, and has given uint8 images when its time is
taken; "draw to apply" draws many blocks of rows at once and makes as many of them at a time as
`augfactory expand` does. They take turns, and the table shows the median turn and the middle half
of all turns; time is the processor's, so that a busy machine hits all alike. The ratio is to the
first contender, the peer. To add a comparison, write a function that yields them and name it in
``COMPARISONS``.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from pydantic import BaseModel

from augfactory.commands.expand.rendering.shard import RENDERED_BYTES
from augfactory.keyed_random import generator
from augfactory.methods import augmix, cutmix, geometry, mixup, ricap
from augfactory.methods.method import Method, Slots
from augfactory.pipeline.draw import AT_ONCE
from augfactory.pipeline.render import mixed_at_once
from augfactory.records import BLOCK_ROWS, UInt8Array
from augfactory.torchvision_import import import_torchvision

# height, width, channels, images in a batch
SIZES = ((28, 28, 1, 128), (32, 32, 3, 128), (224, 224, 3, 32))
CLASSES = 10
TURN_SECONDS = 0.01
DRAWN = "augfactory draw to apply"
LARGEST_BYTES = 2**26


@dataclass(frozen=True)
class Comparison:
    """Contenders that turn ``images`` images each into uint8; the first is the peer.

    Those named with ``DRAWN`` make as many as `augfactory expand` draws at once, ``expanded``.
    """

    title: str
    images: int
    expanded: int
    contenders: dict[str, Callable[[], object]]


def mixing(
    method: Method, peers: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]
) -> Iterator[Comparison]:
    """Compare a mixing method with peers that mix a batch of uint8 [n, C, H, W] with itself."""
    for height, width, channels, count in SIZES:
        random = generator("benchmark", method.name, height)
        images = random.integers(0, 256, (count, height, width, channels), dtype=np.uint8)
        batch = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
        labels = torch.from_numpy(random.integers(0, CLASSES, count))
        contenders: dict[str, Callable[[], object]] = {}
        for name, peer in peers.items():
            ready = batch if "bytes" in name else batch.float()
            contenders[name] = partial(peer, ready, labels)
        contenders |= ours(method, images)
        expanded = expanded_rows((height, width, channels))
        title = f"{method.name} {height}×{width}×{channels}"
        yield Comparison(title, count, expanded, contenders)


def ours(
    method: Method, images: UInt8Array, parameters: BaseModel | None = None
) -> dict[str, Callable[[], object]]:
    """Return ``apply`` alone, and with drawing, weighing and gathering the parents before it."""
    count, *image_shape = images.shape
    shape = (image_shape[0], image_shape[1], image_shape[2])
    parameters = parameters or method.parameters()
    row = np.arange(count)
    draws = method.draw(parameters, Slots(row, np.zeros_like(row), shape, generator))
    gathered = images[(row[:, None] + np.arange(method.parents(parameters))) % count]
    rows = np.arange(expanded_rows(shape))
    slots = Slots(rows, np.zeros_like(rows), shape, generator, BLOCK_ROWS)
    partners = (rows[:, None] + np.arange(method.parents(parameters))) % count
    at_once = max(1, RENDERED_BYTES // images[0].size // BLOCK_ROWS) * BLOCK_ROWS
    if method.parents(parameters) > 1:
        at_once = mixed_at_once(shape)

    def everything() -> None:
        drawn = method.draw(parameters, slots)
        method.weights(parameters, drawn, shape)
        for start in range(0, len(rows), at_once):
            part = slice(start, start + at_once)
            method.apply(parameters, images[partners[part]], drawn[part])

    return {
        "augfactory apply": lambda: method.apply(parameters, gathered, draws),
        DRAWN: everything,
    }


def expanded_rows(image_shape: Sequence[int]) -> int:
    """Return as many rows as `expand` draws at once, or what 64 MiB hold, in whole blocks."""
    blocks = LARGEST_BYTES // int(np.prod(image_shape)) // BLOCK_ROWS
    return min(AT_ONCE, blocks * BLOCK_ROWS)


def mixup_comparisons() -> Iterator[Comparison]:
    """Mixup beside torchvision's, which draws one weight for the whole batch."""
    peer = import_torchvision("torchvision.transforms.v2").MixUp(alpha=0.2, num_classes=CLASSES)
    return mixing(
        mixup.METHOD,
        {"torchvision v2.MixUp": lambda batch, labels: rounded(peer(batch, labels)[0])},
    )


def box_comparisons() -> Iterator[Comparison]:
    """CutMix and RICAP beside torchvision's CutMix, which draws one box for the whole batch."""
    peer = import_torchvision("torchvision.transforms.v2").CutMix(num_classes=CLASSES)
    peers = {
        "torchvision v2.CutMix": lambda batch, labels: rounded(peer(batch, labels)[0]),
        "torchvision v2.CutMix on bytes": lambda batch, labels: peer(batch, labels)[0],
    }
    yield from mixing(cutmix.METHOD, peers)
    yield from mixing(ricap.METHOD, peers)


def single_images() -> Iterator[tuple[str, UInt8Array, list[torch.Tensor], list[Image.Image]]]:
    """Yield a size in words and its images, all in one array, as tensors and as Pillow's."""
    for height, width, channels, count in SIZES:
        random = generator("benchmark", "single", height)
        images = random.integers(0, 256, (count, height, width, channels), dtype=np.uint8)
        tensors = [torch.from_numpy(image.transpose(2, 0, 1).copy()) for image in images]
        pictures = [Image.fromarray(image[..., 0] if channels == 1 else image) for image in images]
        yield f"{height}×{width}×{channels}", images, tensors, pictures


def each(
    change: Callable[[Any], object], images: Sequence[torch.Tensor] | Sequence[Image.Image]
) -> list[object]:
    """Return what ``change`` makes of each image."""
    return [change(image) for image in images]


def geometry_comparisons() -> Iterator[Comparison]:
    """Geometry in the ranges of the digits beside RandomAffine in the same, image by image."""
    v2 = import_torchvision("torchvision.transforms.v2")
    bilinear = v2.InterpolationMode.BILINEAR
    peer = v2.RandomAffine(12, (0.08, 0.08), (0.88, 1.12), 8, interpolation=bilinear)
    for size, images, tensors, pictures in single_images():
        contenders: dict[str, Callable[[], object]] = {
            "torchvision v2.RandomAffine": partial(each, peer, tensors),
            "the same on Pillow's images": partial(each, peer, pictures),
        }
        contenders |= ours(geometry.METHOD, images, geometry.GeometryParameters(fill="constant"))
        photo = ours(geometry.METHOD, images, geometry.GeometryParameters(preset="photo"))
        contenders |= {f"{name}, photo": run for name, run in photo.items()}
        yield Comparison(
            f"geometry {size}", len(images), expanded_rows(images.shape[1:]), contenders
        )


def augmix_comparisons() -> Iterator[Comparison]:
    """AugMix beside the authors' way, with Pillow, and torchvision's, image by image."""
    v2 = import_torchvision("torchvision.transforms.v2")
    peer = v2.AugMix(all_ops=False, interpolation=v2.InterpolationMode.BILINEAR)
    for size, images, tensors, pictures in single_images():
        random = generator("benchmark", "official")
        contenders: dict[str, Callable[[], object]] = {
            "Pillow, as the authors do": partial(each, partial(pillow_augmix, random), pictures),
            "torchvision v2.AugMix": partial(each, peer, tensors),
        }
        contenders |= ours(augmix.METHOD, images)
        yield Comparison(f"augmix {size}", len(images), expanded_rows(images.shape[1:]), contenders)


def pillow_augmix(random: np.random.Generator, image: Image.Image) -> UInt8Array:
    """Mix three chains of Pillow operations with ``image``, in float32, rounded once."""
    original = np.asarray(image, dtype=np.float32)
    weights = random.dirichlet([1, 1, 1]).astype(np.float32)
    share = np.float32(random.beta(1, 1))
    mixture = np.zeros_like(original)
    for weight in weights:
        changed = image.copy()
        for _ in range(random.integers(1, 4)):
            operation = PILLOW_OPERATIONS[random.integers(len(PILLOW_OPERATIONS))]
            sign = 1 if random.random() < 0.5 else -1
            changed = operation(changed, random.uniform(0.1, 3), sign)
        mixture += weight * np.asarray(changed, dtype=np.float32)
    return np.rint((1 - share) * original + share * mixture).astype(np.uint8)


def moved(image: Image.Image, *matrix: float) -> Image.Image:
    """Return the image under an affine map, from the result's pixels to the image's."""
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


# (image, level, sign) -> image, as the authors' code has them.
PILLOW_OPERATIONS: tuple[Callable[[Image.Image, float, int], Image.Image], ...] = (
    lambda image, _level, _sign: ImageOps.autocontrast(image),
    lambda image, _level, _sign: ImageOps.equalize(image),
    lambda image, level, _sign: ImageOps.posterize(image, 4 - int(level * 0.4)),
    lambda image, level, _sign: ImageOps.solarize(image, 256 - int(level * 25.6)),
    lambda image, level, sign: image.rotate(sign * int(level * 3), Image.Resampling.BILINEAR),
    lambda image, level, sign: moved(image, 1, sign * level * 0.03, 0, 0, 1, 0),
    lambda image, level, sign: moved(image, 1, 0, 0, sign * level * 0.03, 1, 0),
    lambda image, level, sign: moved(image, 1, 0, sign * int(level * image.width / 30), 0, 1, 0),
    lambda image, level, sign: moved(image, 1, 0, 0, 0, 1, sign * int(level * image.height / 30)),
)


def rounded(batch: torch.Tensor) -> torch.Tensor:
    """Round a float batch of 0..255, in place, and make it uint8."""
    return batch.round_().to(torch.uint8)


COMPARISONS: list[Callable[[], Iterator[Comparison]]] = [
    mixup_comparisons,
    box_comparisons,
    geometry_comparisons,
    augmix_comparisons,
]


def turns(comparison: Comparison, repeats: int) -> dict[str, list[float]]:
    """Let the contenders take turns; return the seconds per call of each turn."""
    calls = {}
    for name, run in comparison.contenders.items():
        run()
        start = time.process_time()
        run()
        calls[name] = max(1, int(TURN_SECONDS / (time.process_time() - start)))
    seconds: dict[str, list[float]] = {name: [] for name in comparison.contenders}
    for _ in range(repeats):
        for name, run in comparison.contenders.items():
            start = time.process_time()
            for _ in range(calls[name]):
                run()
            seconds[name].append((time.process_time() - start) / calls[name])
    return seconds


def table(comparison: Comparison, repeats: int) -> Iterator[str]:
    """Yield one line for each contender."""
    seconds = turns(comparison, repeats)
    peer = comparison.images / np.median(next(iter(seconds.values())))
    for name, values in seconds.items():
        images = comparison.expanded if DRAWN in name else comparison.images
        slow, middle, fast = images / np.percentile(values, (75, 50, 25))
        yield (
            f"{comparison.title:<20} {name:<32} {middle:>11,.0f} "
            f"{f'{slow:,.0f} to {fast:,.0f}':>22} {middle / peer:>8.2f}"
        )


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--quick", action="store_true", help="few repeats: a look, no figures")
    options.add_argument("--only", default="", help="comparisons whose title contains this")
    chosen = options.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    print(f"one core, torch {torch.__version__}, numpy {np.__version__}; images per second")
    print(f"{'':<20} {'':<32} {'median':>11} {'middle half':>22} {'ratio':>8}")
    for compare in COMPARISONS:
        for comparison in compare():
            if chosen.only in comparison.title:
                print(*table(comparison, 5 if chosen.quick else 31), sep="\n", flush=True)


if __name__ == "__main__":
    main()
