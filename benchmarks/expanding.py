"""What a row costs from command to published version, beside what cannot be saved.

    python benchmarks/expanding.py [--quick] [--only photographs]

Each case is ``augfactory expand`` in this process, twice: a small set and a large one. A row costs
the difference of their processor times over the difference of their rows, so that start, look and
publishing fall out, but for what grows with the rows. Beside it stands, in turns with it:

* for mixtures, writing the same number of bytes to a file, flushing it to the disk, and hashing it;
* for decoded images, the decoder's own forward pass, in batches of 64 on one thread;
* for photographs in JPEG files, the same images as an array in memory.

The table shows medians and the range of all repeats; the last lines hold a row of x250 to one of
x10, everything counted: start, look, reading and publishing.
"""

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.commands.vae.train import VaeTrainRequest, vae_train
from augfactory.keyed_random import generator
from augfactory.pipeline.recipes.stages import mix_stage
from augfactory.records import SourceSpec, UInt8Array
from augfactory.vae.checkpoint import load_model

FILE_BYTES = 2**22
BATCH = 64
ORIGINALS = 200


@dataclass(frozen=True)
class Case:
    """A set that is made in two sizes, and what it is held against.

    Attributes:
        name: of what is made.
        request: what makes it, for any factor.
        factors: of the small and of the large set.
        copies: whether factors are copies of the mix stages, of originals alone.
        beside: what it is held against, and the processor's seconds of that for a row.
    """

    name: str
    request: ExpandRequest
    factors: tuple[int, int]
    copies: bool
    beside: tuple[str, Callable[[], float]]


def pictures(count: int, height: int, width: int, channels: int) -> UInt8Array:
    """Return pictures that compress about as photographs: uint8 [n, H, W, C]."""
    random = generator("benchmark", "expanding")
    shape = (count, max(2, height // 8), max(2, width // 8), channels)
    small = random.integers(0, 256, shape, dtype=np.uint8)
    large = [
        np.asarray(Image.fromarray(one.squeeze()).resize((width, height), Image.Resampling.BICUBIC))
        for one in small
    ]
    return np.stack(large).reshape(count, height, width, channels)


def as_npz(place: Path, images: UInt8Array) -> SourceSpec:
    """Write a source of ten classes."""
    path = place / f"{'x'.join(map(str, images.shape[1:]))}.npz"
    np.savez(path, images=images, labels=np.arange(len(images)) % 10)
    return SourceSpec(str(path))


def as_files(place: Path, images: UInt8Array) -> SourceSpec:
    """Write class folders of JPEG files."""
    root = place / "photographs"
    for number, image in enumerate(images):
        folder = root / f"class {number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number:04d}.jpg", quality=90)
    return SourceSpec(str(root))


def plain(source: SourceSpec, **more: Any) -> ExpandRequest:
    """Return a request that mixes nothing and varies by nothing but what is said."""
    return ExpandRequest(source, Path("set"), (1,), mix=(), vary=(), **more)


def cases(place: Path) -> Iterator[Case]:
    """Make the sources and the model; yield what is measured."""
    sizes = {
        "28×28×1": pictures(ORIGINALS, 28, 28, 1),
        "32×32×3": pictures(ORIGINALS, 32, 32, 3),
        "224×224×3": pictures(40, 224, 224, 3),
    }
    for size, images in sizes.items():
        request = plain(as_npz(place, images), geometry=None)
        few, many = (20, 100) if images[0].size < 10_000 else (10, 40)
        for method in ("mixup", "cutmix", "ricap"):
            stage = mix_stage("benchmark", method, 1, "originals", {})
            bytes_of = images[0].size + 4 * 10
            yield Case(
                f"{method} {size}",
                replace(request, mix=(stage,)),
                (few, many),
                True,
                ("its bytes written and hashed", partial(bare_bytes, place, bytes_of)),
            )
    for size in ("28×28×1", "32×32×3"):
        source = as_npz(place, sizes[size])
        folder = place / f"model {size}"
        vae_train(VaeTrainRequest(source, folder, steps=20, verdict=False), Progress())
        vae = {"share": 1.0, "sampler": "posterior", "decode": "full", "filter": False}
        request = plain(SourceSpec(str(folder)), geometry=None, vae=vae)
        forward = Forward(folder)
        yield Case(f"decoded {size}", request, (10, 50), False, ("the decoder alone", forward))
    photographs = pictures(60, 480, 640, 3)
    files = replace(as_files(place, photographs), size=(64, 64))
    array = replace(as_npz(place, photographs), size=(64, 64))
    geometry = {"preset": "photo"}
    same = plain(array, geometry=geometry)
    in_memory = Case("", same, (10, 60), False, ("", float))
    yield Case(
        "geometry of JPEG files 480×640, read as 64×64",
        plain(files, geometry=geometry),
        (10, 60),
        False,
        ("the same of an array", partial(row_seconds, in_memory, place)),
    )


class Forward:
    """The processor's seconds of a model's decoder for an image, in batches of 64."""

    def __init__(self, folder: Path) -> None:
        """Load the model."""
        model = load_model(folder, None)
        self._network = model.network
        self._latents = torch.randn(BATCH, model.config.latent)
        self._labels = torch.eye(len(model.config.class_names))[torch.arange(BATCH) % 10]

    def __call__(self) -> float:
        """Measure 40 batches."""
        with torch.inference_mode():
            self._network.decode(self._latents, self._labels)
            start = time.process_time()
            for _ in range(40):
                self._network.decode(self._latents, self._labels)
        return (time.process_time() - start) / (40 * BATCH)


def bare_bytes(place: Path, row_bytes: int) -> float:
    """Write rows of so many bytes to files of 4 MiB, flush and hash them; seconds for a row."""
    rows = FILE_BYTES // row_bytes
    data = generator("benchmark", "bytes").bytes(rows * row_bytes)
    files, start = 8, time.process_time()
    for number in range(files):
        with (place / f"bare-{number}").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        hashlib.sha256(data).hexdigest()
    return (time.process_time() - start) / (files * rows)


def seconds_of(case: Case, factor: int, place: Path) -> tuple[float, int]:
    """Make a set; return the processor's seconds and its rows."""
    request = replace(case.request, out=place / "set" / "set", factors=(factor,))
    if case.copies:
        stages = tuple(stage.model_copy(update={"copies": factor}) for stage in request.mix or ())
        request = replace(request, mix=stages, factors=(1,))
    start = time.process_time()
    rows = expand(replace(request, workers=1), Progress())[0].rows
    seconds = time.process_time() - start
    shutil.rmtree(place / "set")
    return seconds, rows


def row_seconds(case: Case, place: Path) -> float:
    """Return the processor's seconds of a further row."""
    (few, rows), (many, more) = (seconds_of(case, factor, place) for factor in case.factors)
    return (many - few) / (more - rows)


def table(place: Path, repeats: int, only: str) -> Iterator[str]:
    """Yield a line for each case."""
    for case in cases(place):
        if only not in case.name:
            continue
        name, beside = case.beside
        row_seconds(case, place)
        pairs = np.array([(row_seconds(case, place), beside()) for _ in range(repeats)])
        ours, peer = 1e6 * np.median(pairs, axis=0)
        ratios = pairs[:, 0] / pairs[:, 1]
        yield (
            f"| {case.name} | {ours:,.1f} µs | {name}: {peer:,.1f} µs | {np.median(ratios):.2f} | "
            f"{ratios.min():.2f} to {ratios.max():.2f} |"
        )


def whole_sets(place: Path, repeats: int) -> Iterator[str]:
    """Yield what a row of x250 costs of what one of x10 does, all counted."""
    source = as_npz(place, pictures(ORIGINALS, 32, 32, 3))
    case = Case("", plain(source, geometry={"preset": "photo"}), (10, 250), False, ("", float))
    found = []
    for _ in range(repeats):
        (few, rows), (many, more) = (seconds_of(case, factor, place) for factor in case.factors)
        found.append((many / more) / (few / rows))
    yield (
        f"a row of x250 against one of x10, all counted, geometry 32×32×3: {np.median(found):.2f} "
        f"({min(found):.2f} to {max(found):.2f})"
    )


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--quick", action="store_true", help="few repeats: a look, no figures")
    options.add_argument("--only", default="", help="cases whose name contains this")
    chosen = options.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    repeats = 1 if chosen.quick else 5
    with tempfile.TemporaryDirectory() as temporary:
        print("| a row of | costs | beside | ratio | of all repeats |\n|---|---|---|---|---|")
        for line in table(Path(temporary), repeats, chosen.only):
            print(line, flush=True)
        if not chosen.only:
            print(*whole_sets(Path(temporary), repeats), sep="\n")


if __name__ == "__main__":
    main()
