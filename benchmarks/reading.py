"""Images per second of shuffled epochs, beside other ways to read the same rows, in one run.

    python benchmarks/reading.py [--quick] [--only 32×32] [--layouts] [--keep FOLDER]

Makes three sets with ``augfactory expand --factor 250``, each as HDF5, PNG and WebDataset, and
reads them on one core in batches of 64: float32 images in 0..1, [n, C, H, W], and labels. The
contenders take turns of half a second, epoch after epoch. The table shows the median turn, the
middle half of all turns, and the ratio to indexing the same array in memory. Time is the
processor's; the files have just been written, so that no disk is waited for. What is kept in memory
is there from the second epoch on, and the first is not measured. ``--layouts`` compares ways to lay
out the images in HDF5 instead.
"""

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import webdataset
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import augfactory
from augfactory.commands.expand.expand import expand
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.progress import Progress
from augfactory.keyed_random import generator
from augfactory.records import Float32Array, Int64Array, SourceSpec, UInt8Array
from augfactory.torchvision_import import import_torchvision

BATCH = 64
FACTOR = 250
TURN_SECONDS = 0.5
SHUFFLE_BUFFER = 1000  # rows that WebDataset shuffles among
LAYOUT_ROWS = 16384
Batches = Iterator[tuple[Any, Any]]


@dataclass(frozen=True)
class Stored:
    """One dataset in every format that is compared, and in memory."""

    title: str
    folders: dict[str, Path]
    images: UInt8Array
    soft_labels: Float32Array


def datasets(place: Path, only: str) -> Iterator[Stored]:
    """Make the sets whose title contains ``only``, and read each into memory."""
    colour = place / "colour.npz"
    np.savez(colour, images=soft_pictures(200), labels=np.arange(200) % 10)
    for title, source, originals in (
        ("25,000 of 28×28×1", SourceSpec("sample"), 100),
        ("200,000 of 28×28×1", SourceSpec("sample"), 800),
        ("50,000 of 32×32×3", SourceSpec(str(colour)), 200),
    ):
        if only not in title:
            continue
        formats: tuple[str, ...] = ("hdf5", "png", "webdataset")
        folders: dict[str, Path] = {}
        for storage in formats:
            out = place / f"{storage}-{title.split()[0].replace(',', '')}"
            request = ExpandRequest(source, out, (FACTOR,), n_train=originals, format=storage)
            folders[storage] = expand(request, Progress())[0].path
        stored = augfactory.load(str(folders["hdf5"])).version.source
        every = np.arange(len(stored))
        yield Stored(title, folders, stored.read_images(every), stored.read_soft_labels(every))


def soft_pictures(count: int) -> UInt8Array:
    """Return colour pictures that PNG can compress about as photographs: uint8 [n, 32, 32, 3]."""
    random = generator("benchmark", "reading")
    small = random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((32, 32))) for one in small])


def ready(images: UInt8Array) -> torch.Tensor:
    """Return uint8 [n, H, W, C] as networks take them."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous().to(torch.float32).div_(255)


def contenders(stored: Stored) -> dict[str, Callable[[], Batches]]:
    """Return what begins an epoch, by name; the first is what others are held against."""
    hdf5, png, tar = (str(stored.folders[name]) for name in ("hdf5", "png", "webdataset"))
    return {
        "array in memory, indexed": lambda: indexed(stored),
        "the same, TensorDataset": lambda: tensors(stored),
        "augfactory, hdf5": augfactory.loader(hdf5, BATCH).__iter__,
        "not kept in memory": augfactory.loader(hdf5, BATCH, in_memory=False).__iter__,
        "in blocks": augfactory.loader(hdf5, BATCH, order="blocks").__iter__,
        "augfactory, png": augfactory.loader(png, BATCH, in_memory=False).__iter__,
        "augfactory, webdataset": augfactory.loader(tar, BATCH, in_memory=False).__iter__,
        "h5py, row by row": lambda: bare_h5py(stored),
        "WebDataset": lambda: web_dataset(stored),
        "ImageFolder": lambda: image_folder(stored),
    }


def indexed(stored: Stored) -> Batches:
    """Index arrays with shuffled rows, batch by batch, in a bare loop."""
    order = np.random.default_rng().permutation(len(stored.images))
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        yield ready(stored.images[rows]), torch.from_numpy(stored.soft_labels[rows])


def tensors(stored: Stored) -> Batches:
    """Read the same arrays as PyTorch's tutorials do."""
    images = torch.from_numpy(stored.images).permute(0, 3, 1, 2)
    dataset = TensorDataset(images, torch.from_numpy(stored.soft_labels))
    for batch, labels in DataLoader(dataset, BATCH, shuffle=True):
        yield batch.to(torch.float32).div_(255), labels


def bare_h5py(stored: Stored) -> Batches:
    """Read shuffled rows one by one, as a script of one's own would."""
    files = [h5py.File(path) for path in sorted((stored.folders["hdf5"] / "shards").iterdir())]
    lengths = [len(file["label"]) for file in files]
    where = [
        (file, row) for file, length in zip(files, lengths, strict=True) for row in range(length)
    ]
    order = np.random.default_rng().permutation(len(where))
    for first in range(0, len(order), BATCH):
        rows = [where[number] for number in order[first : first + BATCH]]
        images = np.stack([file["image"][row] for file, row in rows])
        labels = np.stack([file["soft_label"][row] for file, row in rows])
        yield ready(images), torch.from_numpy(labels)


def web_dataset(stored: Stored) -> Batches:
    """Read the tar shards with the webdataset package, shuffled as its manual says."""
    shards = [str(path) for path in sorted((stored.folders["webdataset"] / "shards").iterdir())]
    rows = webdataset.WebDataset(shards, shardshuffle=len(shards)).shuffle(SHUFFLE_BUFFER)
    grey = stored.images.shape[3] == 1
    pairs = rows.decode("l8" if grey else "rgb8").to_tuple("png", "json")
    for batch in pairs.batched(BATCH, collation_fn=list):
        images = np.stack([image.reshape(stored.images.shape[1:]) for image, _ in batch])
        labels = [columns["soft_label"] for _, columns in batch]
        yield ready(images), torch.tensor(labels)


def image_folder(stored: Stored) -> Batches:
    """Read the PNG tree with torchvision; its labels are hard."""
    folders = import_torchvision("torchvision.datasets")
    v2 = import_torchvision("torchvision.transforms.v2")
    steps = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)]
    if stored.images.shape[3] == 1:
        steps.insert(0, v2.Grayscale())  # it opens all images as RGB
    dataset = folders.ImageFolder(stored.folders["png"] / "train", v2.Compose(steps))
    yield from DataLoader(dataset, BATCH, shuffle=True)


def turn(begin: Callable[[], Batches]) -> float:
    """Return the images per second of processor time, over epochs until the turn is over."""
    images, start = 0, time.process_time()
    epochs = itertools.chain.from_iterable(begin() for _ in itertools.count())
    for batch, _ in epochs:
        images += len(batch)
        if time.process_time() - start > TURN_SECONDS:
            break
    return images / (time.process_time() - start)


def table(stored: Stored, repeats: int) -> Iterator[str]:
    """Yield one line for each contender."""
    every = contenders(stored)
    found: dict[str, list[float]] = {name: [] for name in every}
    for begin in every.values():
        turn(begin)
    for _ in range(repeats):
        for name, begin in every.items():
            found[name].append(turn(begin))
    peer = float(np.median(found[next(iter(found))]))
    for name, values in found.items():
        slow, middle, fast = np.percentile(values, (25, 50, 75))
        yield (
            f"{stored.title:<20} {name:<26} {middle:>11,.0f} "
            f"{f'{slow:,.0f} to {fast:,.0f}':>24} {middle / peer:>8.3f}"
        )


LAYOUTS: dict[str, tuple[int, str | None]] = {  # images in a chunk (0: no chunks), compression
    "in one piece": (0, None),
    "1 a chunk": (1, None),
    "16 a chunk": (16, None),
    "64 a chunk": (64, None),
    "1 a chunk, gzip": (1, "gzip"),
    "16 a chunk, gzip": (16, "gzip"),
    "64 a chunk, gzip": (64, "gzip"),
    "64 a chunk, lzf": (64, "lzf"),
}


def layouts(stored: Stored, place: Path, repeats: int) -> Iterator[str]:
    """Yield a line for each layout: its size, and images per second at random and in blocks."""
    images, path = stored.images[:LAYOUT_ROWS], place / "layout.h5"
    random = generator("benchmark", "layouts")
    shuffled = [np.sort(random.choice(len(images), BATCH, replace=False)) for _ in range(20)]
    blocks = [np.arange(first, first + BATCH) for first in range(0, 20 * BATCH, BATCH)]
    for name, (chunk, compression) in LAYOUTS.items():
        chunks = (chunk, *images.shape[1:]) if chunk else None
        with h5py.File(path, "w") as file:
            file.create_dataset("image", data=images, chunks=chunks, compression=compression)
        readers: dict[str, Callable[[Any], Any]] = {}
        with h5py.File(path, rdcc_nbytes=0) as file:  # whose cache would keep what is read again
            readers[name] = partial(from_hdf5, file["image"])
            start = file["image"].id.get_offset()
            if start is not None:
                mapped = np.memmap(path, np.uint8, "r", start, images.shape).view(np.ndarray)
                readers[f"{name}, mapped"] = partial(np.take, mapped, axis=0)
            for way, read in readers.items():
                at_random, in_blocks = (rate(read, rows, repeats) for rows in (shuffled, blocks))
                size = path.stat().st_size / images.nbytes
                figures = f"{size:>6.2f} {at_random:>12,.0f} {in_blocks:>12,.0f}"
                yield f"{stored.title:<20} {way:<26} {figures}"


def from_hdf5(dataset: h5py.Dataset, rows: Int64Array) -> UInt8Array:
    """Read sorted rows; neighbours in one range of rows, which h5py does far faster."""
    first, last = int(rows[0]), int(rows[-1])
    whole = last - first + 1 == len(rows)
    images: UInt8Array = dataset[first : last + 1] if whole else dataset[rows]
    return images


def rate(read: Callable[[Any], Any], batches: Sequence[Any], repeats: int) -> float:
    """Return the median images per second of processor time that ``read`` reads in ``batches``."""
    seconds = [process_seconds(read, batches) for _ in range(repeats)]
    return len(batches) * BATCH / float(np.median(seconds))


def process_seconds(read: Callable[[Any], Any], batches: Sequence[Any]) -> float:
    """Return the processor's seconds to read all ``batches``."""
    start = time.process_time()
    for rows in batches:
        read(rows)
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--quick", action="store_true", help="few repeats: a look, no figures")
    options.add_argument("--only", default="", help="sets whose title contains this")
    options.add_argument("--layouts", action="store_true", help="compare layouts of HDF5 instead")
    options.add_argument("--keep", type=Path, help="where to make the sets, and find them again")
    chosen = options.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    repeats = 3 if chosen.quick else 15
    with tempfile.TemporaryDirectory() as temporary:
        place = chosen.keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        print(f"one core, torch {torch.__version__}, h5py {h5py.__version__}; images per second")
        heads = (
            ("size", "at random", "in blocks")
            if chosen.layouts
            else ("median", "middle half", "ratio")
        )
        print(f"{'':<20} {'':<26} " + " ".join(heads))
        for stored in datasets(place, chosen.only):
            lines = layouts(stored, place, repeats) if chosen.layouts else table(stored, repeats)
            print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
