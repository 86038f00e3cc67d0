"""Small sources, and the smallest requests that go through every part of the program."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.faults.running import run

CLASSES = ("ash", "birch", "cedar")
HEIGHT, WIDTH = 6, 9
SIDES = (16, 20)  # of images that a VAE and a classifier take
FORMATS = ("hdf5", "png", "parquet", "webdataset", "lance")
ROWS = 2 * 3 * (2 + 1 + 1)


def write_images(
    root: Path, per_class: int = 2, height: int = HEIGHT, width: int = WIDTH, seed: int = 0
) -> Path:
    """Write class folders of random images in colour under ``root`` and return it."""
    random = np.random.default_rng(seed)
    for name in CLASSES:
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def expanding(source: Path, storage: str, out: str = "d") -> tuple[str, ...]:
    """Return the arguments that make three shards: expanded, mixed up, cut."""
    mixed = ("--factor", "2", "--mixup", "1", "--cutmix", "1", "--workers", "1")
    return ("expand", str(source), *mixed, "--format", storage, "--out", out)


def expanded(source: Path, storage: str, cwd: Path, out: str = "d") -> Path:
    """Make such a version and return its folder."""
    done = run(*expanding(source, storage, out), "--json", cwd=cwd)
    assert done.code == 0, done.stderr
    return cwd / str(json.loads(done.stdout)["datasets"][0]["path"])


def training(source: Path) -> tuple[str, ...]:
    """Return the arguments that train a model in a few steps, with a checkpoint."""
    steps = ("--steps", "4", "--save-at-loss", "1000000", "--device", "cpu")
    return ("vae-train", str(source), *steps, "--no-verdict", "--out", "model")


def content_hash(version: Path) -> str:
    """Return what the manifest calls the content."""
    return str(json.loads((version / "manifest.json").read_bytes())["content_hash"])
