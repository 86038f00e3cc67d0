"""Small real-looking image sets on disk: 16×20 pixels, three channels, three classes of shapes."""

from pathlib import Path

import numpy as np
from PIL import Image

from augfactory.records import UInt8Array

CLASSES = ("bar", "disc", "frame")
HEIGHT, WIDTH = 16, 20


def picture(kind: str, random: np.random.Generator) -> UInt8Array:
    """Draw one shape in a random colour and place on a noisy ground: uint8 [16, 20, 3]."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    top, left = random.uniform(6, 10), random.uniform(7, 13)
    down, right = rows - top, columns - left
    shape = {
        "bar": abs(down) < 2,
        "disc": down**2 + right**2 < 20,
        "frame": (np.maximum(abs(down), abs(right)) < 6) & (np.maximum(abs(down), abs(right)) > 3),
    }[kind]
    image = random.integers(0, 40, (HEIGHT, WIDTH, 3))
    image[shape] = random.integers(120, 256, 3)
    return image.astype(np.uint8)


def write_class_folders(root: Path, per_class: int, seed: int = 0) -> Path:
    """Write ``per_class`` PNG files of each class under ``root`` and return it."""
    random = np.random.default_rng(seed)
    for name in CLASSES:
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            Image.fromarray(picture(name, random)).save(root / name / f"{number:03d}.png")
    return root
